// Planes, times and channels: the controls of slides that are not plain RGB.

const AXES = { z: "plane", t: "time" };

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function slider(label, properties, onInput) {
  const output = element("output", { value: properties.value });
  const range = element("input", { type: "range", ...properties });
  range.setAttribute("aria-label", label);
  range.addEventListener("input", () => {
    output.value = range.value;
    onInput(Number(range.value));
  });
  return element("label", {}, [label.split(": ").at(-1), range, output]);
}

/** What is shown at first: the first plane and time, and all channels of a few. */
export function firstLook(slide) {
  const atOnce = slide.channels.length <= 6 ? slide.channels.length : 1;
  return {
    axes: Object.fromEntries(Object.keys(slide.axes).map((axis) => [axis, 0])),
    channels: slide.channels.map((channel, number) => ({ ...channel, shown: number < atOnce })),
  };
}

/** The query of a tile's address that asks for a look. */
export function queryOf(look) {
  const query = new URLSearchParams(look.axes);
  look.channels.forEach((channel, number) => {
    if (channel.shown)
      query.append("c", `${number}:${channel.colour}:${channel.low}:${channel.high}`);
  });
  return query.toString();
}

/** Fill `details` with controls that change `look`, and call `changed` after each change. */
export function fillControls(details, slide, look, changed) {
  const panel = details.querySelector("div");
  panel.replaceChildren();
  for (const [axis, length] of Object.entries(slide.axes)) {
    panel.append(
      slider(AXES[axis], { min: 0, max: length - 1, step: 1, value: look.axes[axis], id: axis },
        (place) => { look.axes[axis] = place; changed(); }),
    );
  }
  look.channels.forEach((channel, number) => panel.append(channelControl(channel, number, changed)));
  details.hidden = !panel.childElementCount;
}

function channelControl(channel, number, changed) {
  const set = (name, value) => { channel[name] = value; changed(); };
  const shown = element("input", { type: "checkbox", checked: channel.shown });
  shown.addEventListener("change", () => set("shown", shown.checked));
  const colour = element("input", { type: "color", value: `#${channel.colour}` });
  colour.setAttribute("aria-label", `${channel.label}: colour`);
  colour.addEventListener("change", () => set("colour", colour.value.slice(1).toUpperCase()));
  const step = Number.isInteger(channel.max) && channel.max > 1 ? 1 : (channel.max - channel.min) / 1000;
  const limits = { min: channel.min, max: channel.max, step };
  return element("fieldset", { id: `channel-${number}` }, [
    element("legend", {}, [element("label", {}, [shown, channel.label]), colour]),
    slider(`${channel.label}: dark`, { ...limits, value: channel.low }, (low) => set("low", low)),
    slider(`${channel.label}: bright`, { ...limits, value: channel.high }, (high) => set("high", high)),
  ]);
}
