/** How fast each job goes, and how long it will take: from what it said in the last seconds. */

const OVER_MS = 8_000;
const UNITS = ["B", "KB", "MB", "GB", "TB"];

interface Sample {
  at: number;
  completed: number;
}

export interface PaceWords {
  rate?: string;
  seconds?: string;
  minutes?: string;
  hours?: string;
}

export class Pace {
  private readonly samples = new Map<string, Sample[]>();

  constructor(
    private readonly words: PaceWords,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Empty until two looks have seen it move. */
  of({ id, completed, total }: { id: string; completed: number; total: number }): string {
    const at = this.now();
    const known = (this.samples.get(id) ?? []).filter(
      (sample) => at - sample.at <= OVER_MS && sample.completed <= completed,
    );
    known.push({ at, completed });
    this.samples.set(id, known);
    const first = known[0] as Sample;
    const perSecond = at > first.at ? ((completed - first.completed) * 1000) / (at - first.at) : 0;
    if (perSecond <= 0) {
      return "";
    }
    const rate = filled(this.words.rate, "size", sizeOf(perSecond));
    const left = total > completed ? this.left((total - completed) / perSecond) : "";
    return left === "" ? rate : `${rate} · ${left}`;
  }

  /** After a pause in looking, the old samples would tell of another time. */
  forget(): void {
    this.samples.clear();
  }

  private left(seconds: number): string {
    if (seconds < 90) {
      return filled(this.words.seconds, "count", Math.ceil(seconds));
    }
    if (seconds < 5_400) {
      return filled(this.words.minutes, "count", Math.round(seconds / 60));
    }
    return filled(this.words.hours, "count", (seconds / 3_600).toFixed(1));
  }
}

/** As Django writes sizes, so that both stand well side by side. */
export function sizeOf(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

function filled(words: string | undefined, name: string, value: string | number): string {
  return (words ?? `%(${name})s`).replace(`%(${name})s`, String(value));
}
