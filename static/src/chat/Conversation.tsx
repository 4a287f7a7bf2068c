/** The questions and answers of the shown branch, in order, and what is on its way behind them. */

import { Fragment, type JSX } from "preact";
import { ViewLine } from "./context/ViewLine";
import { EmptyState } from "./EmptyState";
import { QuestionFiles } from "./files/QuestionFiles";
import { Scroller } from "./Scroller";
import { shownUnheard } from "./sending";
import { connection } from "./socket";
import { Nexts } from "./talk/Nexts";
import { AskedText } from "./talk/Question";
import { isLoadingEarlier, loadEarlier, shown } from "./talk/shown";
import { Turn } from "./talk/Turn";
import { t } from "./words";

/** So many turns at the end are drawn at once; what else is near follows a moment later. */
const FIRST_SEEN = 3;

export function Conversation(): JSX.Element {
  const now = shown.value;
  const waiting = shownUnheard.value;
  if (now.is === "new" && waiting.length === 0) {
    return (
      <div class="scroller">
        <EmptyState />
      </div>
    );
  }
  const questions = now.is === "open" ? now.questions : [];
  const hasEarlier = now.is === "open" && now.hasEarlier;
  return (
    <Scroller
      id={now.is === "new" ? "" : now.id}
      hasEarlier={hasEarlier}
      loadEarlier={() => void loadEarlier()}
    >
      {now.is === "opening" && <p class="first">{t("Opening…")}</p>}
      {now.is === "missing" && (
        <p class="first" role="alert">
          {t("This conversation does not exist, or it is not yours.")}
        </p>
      )}
      {hasEarlier && (
        <button
          type="button"
          class="quiet earlier"
          disabled={isLoadingEarlier.value}
          onClick={() => void loadEarlier()}
        >
          {t("Show earlier messages")}
        </button>
      )}
      {questions.map((question, index) => (
        <Fragment key={question.id}>
          <ViewLine before={question.id} />
          <Turn
            question={question}
            isLast={index === questions.length - 1}
            isFirstSeen={index >= questions.length - FIRST_SEEN}
          />
        </Fragment>
      ))}
      {now.is === "open" && <ViewLine before={null} />}
      {waiting.map((each) => (
        <div class="turn" key={each.clientKey}>
          <AskedText text={each.text}>
            <QuestionFiles files={each.files ?? []} />
          </AskedText>
          <p class="progress" role="status">
            <span class="pulse" aria-hidden="true" />
            {connection.value === "online" ? t("Sending…") : t("Will be sent once you are online.")}
          </p>
        </div>
      ))}
      {now.is === "open" && <Nexts nexts={now.nexts} />}
    </Scroller>
  );
}
