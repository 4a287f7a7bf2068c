/** One connection to the server, of whichever kind. Knows texts, not what stands in them. */

export interface Line {
  readonly isFallback: boolean;
  send(text: string): void;
  /** Hears nothing more, and says nothing of it. */
  close(): void;
}

export interface Ends {
  onOpen(line: Line): void;
  onText(line: Line, text: unknown): void;
  /** Once, and never for a line that was closed here. */
  onClose(line: Line, code: number): void;
}

/** The server's codes; and one of our own: nobody looks at this tab, so it holds no line. */
export const LOST = 1006;
export const SIGNED_OUT = 4401;
export const STALE_PAGE = 4403;
export const TOO_MANY = 4429;
export const RESTS = 4900;
/** Another of our own: it was asked for, and nothing came back at all. */
export const SWALLOWED = 4901;

/** Some networks swallow the request for a WebSocket, and never say so. */
const OPEN_WITHIN_MS = 5_000;

export function socketLine(ends: Ends): Line {
  let socket: WebSocket | null = null;
  let isOver = false;
  const line: Line = {
    isFallback: false,
    send: (text) => socket?.send(text),
    close: () => {
      isOver = true;
      window.clearTimeout(timer);
      socket?.close();
    },
  };
  const over = (code: number): void => {
    if (!isOver) {
      line.close();
      ends.onClose(line, code);
    }
  };
  const timer = window.setTimeout(() => over(SWALLOWED), OPEN_WITHIN_MS);
  try {
    socket = opened();
  } catch {
    // A browser may refuse at once what its owner has forbidden.
    window.setTimeout(() => over(LOST));
    return line;
  }
  socket.addEventListener("open", () => {
    window.clearTimeout(timer);
    if (!isOver) {
      ends.onOpen(line);
    }
  });
  socket.addEventListener("message", (event) => {
    if (!isOver) {
      ends.onText(line, event.data);
    }
  });
  socket.addEventListener("close", (event) => over(event.code));
  return line;
}

function opened(): WebSocket {
  const address = new URL("/ws/chat/", window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(address.href);
}
