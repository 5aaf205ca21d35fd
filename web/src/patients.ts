// Patients and their survival.

import { calibrationFigure } from "./calibration";
import { open, type PatientPart, type PatientSection } from "./data";
import { h } from "./dom";
import { integer, number, pEquals } from "./format";
import { intervalsFigure } from "./intervals";
import { segments } from "./segments";
import { SurvivalPlot } from "./survivalplot";
import { DataTable } from "./table";

export async function patientsView(section: PatientSection): Promise<HTMLElement> {
  const parts = section.parts;
  let part = parts[0]!;
  const plot = new SurvivalPlot("Survival by risk group", section.timeLabel, section.groupNote, [segments("Patients", parts.map((p) => p.title), 0, (i) => void show(parts[i]!))]);
  const about = h("p", { class: "lead" });
  const calibration = calibrationFigure(() => ({ title: part.title, bins: part.calibration?.bins ?? [], xLabel: `predicted survival at ${number(part.calibration?.horizon, 4)}`, yLabel: "observed" }),
    "Patients in groups of rising predicted survival: what was predicted against what happened (Kaplan-Meier, 95 % interval). Points on the line are right on average.");
  const table = await DataTable.create(section.table, {
    title: "Patients", sortBy: "linear_predictor", descending: true, page: 25, rowLabel: section.prediction ? "Draw the predicted curve" : undefined,
    rowClick: section.prediction ? (row) => void predict(row) : undefined,
  });
  const predict = async (row: number): Promise<void> => {
    const p = section.prediction!, times = await open(p.times), all = await open(p.cumulativeHazard), eta = await open(p.linearPredictor);
    const stratum = p.strata ? (await open(p.strata))[row]! : 0, hazard = all.subarray(stratum * times.length, (stratum + 1) * times.length);
    plot.overlay({ label: table.columns[0]!.values[row] as string, time: times, survival: hazard.map((v) => Math.exp(-v * Math.exp(eta[row]!))) });
    table.choose(row);
    plot.figure.element.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  };
  const show = async (p: PatientPart): Promise<void> => {
    part = p;
    const said = [`${integer(p.patients)} patients, ${integer(p.events)} events.`];
    if (p.concordance) said.push(`Concordance ${number(p.concordance.value)} (95 % ${number(p.concordance.lower)} to ${number(p.concordance.upper)}).`);
    if (p.hazardRatio) said.push(`Hazard ratio high against low risk ${number(p.hazardRatio.value)} (95 % ${number(p.hazardRatio.lower)} to ${number(p.hazardRatio.upper)}).`);
    if (p.logRank) said.push(`Log-rank ${pEquals(p.logRank.pValue)} (\u03c7\u00b2 ${number(p.logRank.statistic)}, ${p.logRank.degreesOfFreedom} df).`);
    if (p.note) said.push(p.note);
    about.textContent = said.join(" ");
    await plot.show(p);
    calibration.redraw();
  };
  await show(part);
  return h("div", { class: "view" }, about, plot.figure.element,
    h("div", { class: "pair" }, intervalsFigure({
      title: "Concordance", note: "Share of pairs of patients whose order of death the risk tells, with its 95 % interval. 0.5 is chance. Only held-out patients show how good it is for new ones.",
      xLabel: "concordance", reference: 0.5, least: [0.4, 0.8], bounds: [0, 1],
      items: parts.filter((p) => p.concordance).map((p) => ({ name: p.title, interval: p.concordance!, strong: p.heldOut, bold: p.heldOut, more: [{ name: "patients, events", value: `${p.patients}, ${p.events}` }] })),
    }).element, calibration.element),
    h("section", { class: "card" }, h("h3", {}, "Patients"), section.prediction ? h("p", { class: "hint" }, "Choose a patient to draw the predicted curve.") : null, table.element));
}
