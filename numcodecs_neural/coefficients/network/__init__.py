"""The learned coder of JPEG coefficients: block by block, each symbol under its own distribution.

From the ground up: `order` (the order of symbols, and who is near whom), `limits`, `statuses`,
`tables` (functions by look-up), `arithmetic` (small kernels), `symbols` (symbols and their
distributions), `layers` (products of vectors and matrices), `twins` (a component on the grid of
another), `parameters` (the weights file), `prepared` (what a chunk's quantisation steps make of the
weights), and `blocks`, the model itself. Both directions run it: `dec_network`, `enc_network`.
"""
