// What the .NET side writes (Cellcast.Reports, ReportData) and how its packed arrays are opened.

/** An array packed as base64 of a zlib stream; `t` is its type. */
export interface Packed<T> {
  readonly t: "f32" | "f64" | "i32" | "u8" | "json";
  readonly n: number;
  readonly z: string;
  readonly max?: number;
  /** Only for the compiler. */
  readonly as?: T;
}
export type Floats = Packed<Float32Array>;
export type Doubles = Packed<Float64Array>;
export type Integers = Packed<Int32Array>;
export type Texts = Packed<string[]>;

export interface Report {
  title: string;
  subtitle: string | null;
  version: string;
  summary: Summary;
  cells: CellSection | null;
  quality: QualitySection | null;
  markers: MarkerSection | null;
  contributions: ContributionSection | null;
  genes: GeneSection | null;
  patients: PatientSection | null;
  outcome: OutcomeSection | null;
  spots: SpotSection | null;
  pooled: PooledSection | null;
  evaluation: EvaluationSection | null;
  training: TrainingStage[] | null;
  trainingRuns: TrainingRuns[] | null;
  run: RunSection | null;
}
export interface Summary {
  numbers: { label: string; value: string; note: string | null }[];
  findings: string[];
  cautions: string[];
}
export interface Table {
  columns: Column[];
}
export interface Column {
  key: string;
  title: string;
  help: string | null;
  format: "text" | "number" | "integer" | "probability" | "percent";
  text: Texts | null;
  numbers: Doubles | null;
}
export interface Values {
  name: string;
  description: string | null;
  centre: number | null;
  logarithmic: boolean;
  values: Floats;
}
export interface Group {
  name: string;
  labels: string[];
  codes: Integers;
  /** Points of later labels are drawn over those of earlier ones. */
  laterOnTop: boolean;
  /** Of groups of high (1) and low (-1) values. */
  sides: number[] | null;
}
export interface Gene {
  name: string;
  values: Packed<Uint8Array>;
}
export interface Embedding {
  name: string;
  xLabel: string;
  yLabel: string;
  note: string | null;
  x: Floats;
  y: Floats;
}
export interface CellSection {
  count: number;
  kind: string;
  sampleNote: string | null;
  names: Texts;
  embeddings: Embedding[];
  values: Values[];
  groups: Group[];
  genes: Gene[];
  groupsFirst: boolean;
}
export interface QualitySection {
  metrics: { name: string; label: string; median: number | null; groupings: { name: string; items: Distribution[] }[] }[];
  variance: Doubles | null;
  note: string | null;
}
export interface MarkerSection {
  rankings: { name: string; table: Table; dots: { groups: string[]; genes: string[]; shares: Floats; means: Floats } | null }[];
  clusters: Table | null;
  note: string | null;
}
export interface Distribution {
  label: string;
  count: number;
  mean: number | null;
  minimum: number;
  lowerQuartile: number;
  median: number;
  upperQuartile: number;
  maximum: number;
  lowerWhisker: number;
  upperWhisker: number;
  at: Floats;
  density: Floats;
}
export interface ContributionSection {
  valueName: string;
  centre: number | null;
  groupings: { name: string; items: Distribution[] }[];
  table: Table | null;
  note: string;
  intervals: { items: { name: string; interval: Interval }[]; label: string; note: string } | null;
}
export interface GeneSection {
  title: string;
  colorLabel: string;
  table: Table;
  nameColumn: string;
  xColumn: string;
  xLabel: string;
  xLogarithmic: boolean;
  yColumn: string;
  yLabel: string;
  qColumn: string | null;
  note: string | null;
}
export interface SurvivalCurve {
  key: string;
  label: string;
  patients: number;
  events: number;
  median: number | null;
  medianLower: number | null;
  medianUpper: number | null;
  time: Doubles;
  survival: Doubles;
  lower: Doubles;
  upper: Doubles;
  atRisk: Doubles;
  censored: Doubles;
}
export interface Interval {
  value: number;
  lower: number;
  upper: number;
}
export interface CalibrationBin {
  patients: number;
  predicted: number;
  observed: number;
  lower: number | null;
  upper: number | null;
}
export interface PatientPart {
  key: string;
  title: string;
  note: string | null;
  heldOut: boolean;
  patients: number;
  events: number;
  curves: SurvivalCurve[];
  logRank: { statistic: number; degreesOfFreedom: number; pValue: number } | null;
  concordance: Interval | null;
  hazardRatio: Interval | null;
  calibration: { horizon: number; bins: CalibrationBin[] } | null;
}
export interface PatientSection {
  timeLabel: string;
  groupNote: string | null;
  parts: PatientPart[];
  table: Table;
  prediction: { times: Doubles; cumulativeHazard: Doubles; linearPredictor: Doubles; strata: Integers | null } | null;
}
export interface OutcomePart {
  key: string;
  title: string;
  note: string | null;
  heldOut: boolean;
  patients: number;
  positive: number | null;
  score: Interval | null;
  scores: { name: string; value: number; lower: number | null; upper: number | null; help: string }[];
  roc: { falsePositive: Doubles; truePositive: Doubles } | null;
  calibration: CalibrationBin[];
  names: Texts;
  predicted: Doubles;
  observed: Doubles;
}
export interface OutcomeSection {
  name: string;
  predictedLabel: string;
  observedLabel: string;
  scoreName: string;
  chance: number;
  binary: boolean;
  parts: OutcomePart[];
  table: Table;
}
export interface SpotSection {
  lead: string | null;
  genes: Table | null;
  count: number;
  sampleNote: string | null;
  names: Texts;
  x: Floats;
  y: Floats;
  diameter: number | null;
  image: { source: string; width: number; height: number } | null;
  values: Values[];
  groups: Group[];
}
export interface Forest {
  name: string;
  cohorts: { name: string; interval: Interval; weight: number }[];
  mean: Interval;
  prediction: Interval | null;
  called: boolean;
  note: string;
}
export interface PooledKind {
  title: string;
  label: string;
  forests: Forest[];
  table: Table;
}
export interface PooledSection {
  kinds: PooledKind[];
  cohorts: Table;
  note: string;
}
export interface TrainingStage {
  name: string;
  title: string;
  lossLabel: string;
  validationLabel: string;
  seconds: number | null;
  bestEpoch: number | null;
  epoch: Doubles;
  loss: Doubles;
  validation: Doubles;
  runningMean: Doubles;
}
export interface TrainingRuns {
  title: string;
  yLabel: string;
  runs: { name: string; epoch: Doubles; values: Doubles }[];
  note: string | null;
}
export interface EvaluationSection {
  note: string | null;
  summary: Table | null;
  classScores: { name: string; classes: string[]; models: { name: string; mean: number[]; sd: (number | null)[] }[] } | null;
  confusions: { name: string; labels: string[]; counts: number[] }[];
  robustness: { xLabel: string; yLabel: string; models: { name: string; x: number[]; mean: number[]; sd: (number | null)[] }[] } | null;
}
export interface RunSection {
  command: string | null;
  facts: { label: string; value: string }[];
  options: { label: string; value: string }[];
  files: { role: string; name: string; bytes: number | null; sha256: string | null; note: string | null }[];
  warnings: string[];
  log: string[];
}

const opened = new WeakMap<object, Promise<unknown>>();

/** Opens a packed array once. */
export function open<T>(packed: Packed<T>): Promise<T> {
  let p = opened.get(packed);
  if (!p) opened.set(packed, (p = inflate(packed)));
  return p as Promise<T>;
}

async function inflate(packed: Packed<unknown>): Promise<unknown> {
  const binary = atob(packed.z);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  switch (packed.t) {
    case "f32": return new Float32Array(buffer);
    case "f64": return new Float64Array(buffer);
    case "i32": return new Int32Array(buffer);
    case "u8": return new Uint8Array(buffer);
    case "json": return JSON.parse(new TextDecoder().decode(buffer));
  }
}

export function readReport(): Report {
  return JSON.parse(document.getElementById("cellcast-data")!.textContent!) as Report;
}
