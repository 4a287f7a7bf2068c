/** How one file looks, wherever it stands: a picture small, a document as a leaf with its name. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { fill } from "../context/context";
import { Icon } from "../icons";
import { language, t } from "../words";
import { endingOf, isTooLong } from "./fitness";
import { contentOf, type FileFrame } from "./frames";
import { sizeInWords } from "./sizes";

/** What it shows is known by its name alone; that stands beside it for who cannot see it. */
export function Picture({ file }: { file: FileFrame }): JSX.Element {
  const [isGone, setGone] = useState(false);
  if (isGone) {
    return <Leaf name={file.name} icon="picture" words={t("This picture is no longer there.")} />;
  }
  return (
    <img
      src={contentOf(file)}
      alt={file.name}
      width={file.width ?? undefined}
      height={file.height ?? undefined}
      decoding="async"
      onError={() => setGone(true)}
    />
  );
}

interface LeafProps {
  name: string;
  icon: "page" | "picture";
  words: string;
  /** Something about it is not as it should be. */
  isMarked?: boolean;
}

export function Leaf({ name, icon, words, isMarked = false }: LeafProps): JSX.Element {
  return (
    <span class="leaf" data-marked={isMarked} title={name}>
      <Icon name={icon} />
      <span class="leaf-words">
        <bdi>{name}</bdi>
        <small>{words}</small>
      </span>
    </span>
  );
}

/** What a document is, how much there is to read, and whether that is too much. */
export function Document({ file }: { file: FileFrame }): JSX.Element {
  const isLong = isTooLong(file, fill.value.window);
  const words = [endingOf(file.name), tokensInWords(file)];
  if (isLong) {
    words.push(t("more than this model can read"));
  }
  return (
    <Leaf
      name={file.name}
      icon="page"
      words={words.filter(Boolean).join(" · ")}
      isMarked={isLong}
    />
  );
}

function tokensInWords(file: FileFrame): string {
  return file.tokens === null
    ? sizeInWords(file.size_bytes)
    : t("about %(count)s tokens", { count: numbers.format(file.tokens) });
}

/** It is a guess, and looks like one. */
const numbers = new Intl.NumberFormat(language, { maximumSignificantDigits: 2 });
