/** Whether a key belongs to an input method: what Enter and Escape mean to it is not for the page. */

interface Key {
  isComposing: boolean;
  keyCode: number;
}

/** 229: the browser's sign that an input method is composing, where isComposing comes late. */
export function isComposing(event: Key): boolean {
  return event.isComposing || event.keyCode === 229;
}
