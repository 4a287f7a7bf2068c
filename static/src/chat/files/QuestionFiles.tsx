/** The files of a question, fetched when the first question with some is shown. */

import type { JSX } from "preact";
import { lazily } from "../talk/lazily";
import type { FileFrame } from "./frames";

const AskedFiles = lazily(async () => (await import("./AskedFiles")).AskedFiles);

interface Props {
  files: readonly FileFrame[];
  isUnread?: boolean;
  takeOut?: (file: FileFrame) => void;
}

export function QuestionFiles(props: Props): JSX.Element | null {
  return props.files.length === 0 ? null : <AskedFiles {...props} />;
}
