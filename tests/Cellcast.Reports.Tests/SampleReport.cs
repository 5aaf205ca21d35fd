namespace Cellcast.Reports.Tests;

/// <summary>Reports of made-up results with every section.</summary>
internal static class SampleReport
{
    /// <summary>Cells on a square grid, the middle one in the middle of the picture.</summary>
    /// <param name="side">Cells per side of the grid; odd.</param>
    /// <param name="name">Turns plain names into those of the test.</param>
    internal static ReportData Create(int side = 11, Func<string, string>? name = null)
    {
        name ??= n => n;
        int n = side * side;
        int[] all = [.. Enumerable.Range(0, n)];
        string[] cells = [.. all.Select(i => name($"cell {i}"))];
        string[] types = [name("Neuron"), name("Myeloid"), name("Malignant")];
        var labels = new PointGroups(name("label"), types, [.. all.Select(i => i % 3)]);
        float[] contribution = [.. all.Select(i => (float)(Math.Sin(i) + i % 3 - 1))];
        double[] correlation = [.. Enumerable.Range(0, 300).Select(i => Math.Cos(i * 0.1) * 0.9)];
        string[] genes = [.. Enumerable.Range(0, 300).Select(i => name($"GENE{i}"))];
        return new ReportData
        {
            Title = name("scSurv: sample"),
            Subtitle = "made-up results",
            Version = "1.2.3",
            Summary = new ReportSummary([new Headline("Concordance, held out", "0.71", "95 % interval 0.60 to 0.82"), new Headline("Cells", $"{n}")], [$"Worst: {types[2]}."], ["Made up."]),
            Cells = new CellSection
            {
                Count = n,
                Names = cells,
                Embeddings =
                [
                    new Embedding(name("UMAP"), "UMAP 1", "UMAP 2", [.. all.Select(i => (float)(i % side))], [.. all.Select(i => (float)(i / side))]),
                    new Embedding("other", "a", "b", [.. all.Select(i => (float)Math.Sin(i))], [.. all.Select(i => (float)Math.Cos(i * 1.3))]),
                ],
                Values = [new PointValues("contribution", contribution, "contribution relative to the median cell", 0), new PointValues(name("depth"), [.. all.Select(i => i % 7 == 0 ? float.NaN : i)])],
                Groups = [labels, new PointGroups("sample", ["a", "b"], [.. all.Select(i => i % 5 == 0 ? -1 : i % 2)])],
                Genes = [.. Enumerable.Range(0, 5).Select(g => new GeneExpression(genes[g], [.. all.Select(i => i % (g + 2) == 0 ? i * 0.01f : 0)]))],
            },
            Quality = new QualitySection(
            [
                new QualityMetric(name("genes"), "genes with counts", 1.5, [Distribution.Group(labels, [.. all.Select(i => i % 4 + i * 0.01f)])]),
                new QualityMetric("counts", "counts", null, [Distribution.Group(labels, contribution)]),
            ], [0.3, 0.2, 0.1, 0.05, 0.01], "Made up."),
            Markers = new MarkerSection(
            [
                new MarkerRanking(name("clusters"), new ReportTable([ReportColumn.Of("gene", "gene", genes[..6]), ReportColumn.Of("group", "group", [types[0], types[0], types[1], types[1], types[2], types[2]]), ReportColumn.Of("score", "score", [9.0, 8, 7, 6, 5, 4])]),
                    new MarkerDots(types, genes[..4], [.. Enumerable.Range(0, 12).Select(k => k / 11f)], [.. Enumerable.Range(0, 12).Select(k => (float)(k % 5))])),
            ], new ReportTable([ReportColumn.Of("cluster", "cluster", types), ReportColumn.Of("cells", "cells", [1.0, 2, 3], ColumnFormat.Integer)]), "Take p-values as a ranking."),
            Contributions = new ContributionSection("contribution", 0, [Distribution.Group(labels, contribution)], new ReportTable(
            [
                ReportColumn.Of("cell_type", "cell type", types), ReportColumn.Of("cells", "cells", [1.0, 2, 3], ColumnFormat.Integer), ReportColumn.Of("q", "q", [1e-12, 0.2, double.NaN], ColumnFormat.Probability),
            ]), "To the right: worse.", new NamedIntervals([.. types.Select((t, k) => new NamedInterval(t, new Interval(k - 0.5, k - 1, k + 0.2)))], "contribution against the average", "How sure.")),
            Pooled = new PooledSection(
            [
                new PooledKind("Cell types", "contribution", [.. types.Select((t, k) => new Forest(t, [new CohortInterval(name("GBM"), new Interval(k - 1, k - 2, k), 0.4), new CohortInterval("PDAC", new Interval(k - 0.5, k - 0.7, k - 0.3), 0.6)],
                    new Interval(k - 0.7, k - 1.1, k - 0.3), k == 0 ? null : new Interval(k - 0.7, k - 2, k + 0.6), k == 2, "I2 12 %."))],
                    new ReportTable([ReportColumn.Of("cell_type", "cell type", types), ReportColumn.Of("mean", "mean", [-0.7, 0.3, 1.3])])),
            ], new ReportTable([ReportColumn.Of("cohort", "cohort", [name("GBM"), "PDAC"]), ReportColumn.Of("patients", "patients", [100.0, 80], ColumnFormat.Integer)]), "Random-effects meta-analysis."),
            Genes = new GeneSection
            {
                Table = new ReportTable([ReportColumn.Of("gene", "gene", genes), ReportColumn.Of("pearson", "correlation", correlation), ReportColumn.Of("q", "q", correlation.Select(c => 1 - Math.Abs(c)), ColumnFormat.Probability), ReportColumn.Of("rate", "rate", correlation.Select((_, i) => Math.Exp(i * 0.02)))]),
                NameColumn = "gene",
                XColumn = "rate",
                XLabel = "mean rate",
                XLogarithmic = true,
                YColumn = "pearson",
                YLabel = "correlation",
                QColumn = "q",
            },
            Patients = Patients(name),
            Spots = new SpotSection
            {
                Count = n,
                Names = [.. all.Select(i => name($"spot {i}"))],
                X = [.. all.Select(i => 4f + i % side * 8)],
                Y = [.. all.Select(i => 4f + i / side * 8)],
                Diameter = 6,
                Image = new TissueImage(PngPicture.DataAddress([.. Enumerable.Range(0, side * 8 * side * 8 * 3).Select(i => (byte)(i * 7))], side * 8, side * 8), side * 8, side * 8),
                Values = [new PointValues("hazard", [.. all.Select(i => (float)Math.Exp(Math.Sin(i)))], "hazard", 1, true), new PointValues($"share of {types[0]}", [.. all.Select(i => i / (float)n)])],
                Lead = name("Much alike."),
                Genes = new ReportTable([ReportColumn.Of("gene", "gene", genes[..3]), ReportColumn.Of("pearson", "correlation", [0.5, 0.1, -0.4])]),
                Groups = [new PointGroups("region", [name("tumour"), "stroma"], [.. all.Select(i => i % 2)])],
            },
            Evaluation = new EvaluationSection
            {
                Note = "Five folds.",
                Summary = new ReportTable([ReportColumn.Of("model", "model", ["scRobust", "baseline"]), ReportColumn.Of("macro_f1", "macro F1", [0.9, 0.8])]),
                ClassScores = new ClassScores("F1", types, [new ModelScores("scRobust", [0.9, 0.8, 0.7], [0.01, 0.02, null]), new ModelScores("baseline", [0.8, 0.7, 0.6], [null, null, null])]),
                Confusions = [new ConfusionMatrix("scRobust", types, [9, 1, 0, 2, 8, 0, 0, 3, 7])],
                Robustness = new RobustnessCurves("share of genes kept", "macro F1", [new RobustnessCurve("scRobust", [0.1, 0.5, 1], [0.7, 0.85, 0.9], [0.02, null, 0.01])]),
            },
            Training =
            [
                Stage("cells", "loss", "loss", 50), Stage("hazard", "partial likelihood loss", "validation concordance", 20), Stage("one", "loss", "loss", 1),
            ],
            TrainingRuns = [new TrainingRuns(name("Validation macro-F1"), "validation macro-F1", [.. Enumerable.Range(1, 3).Select(f => new TrainingRun(name($"fold {f}"), [1, 2, 3], [0.1 * f, 0.2 * f, double.NaN]))], "Folds.")],
            Run = new RunSection
            {
                Facts = [new Fact("program", "cellcast 1.2.3"), new Fact("seed", "0")],
                Options = [new Fact("--label", name("label"))],
                Files = [new FileRecord("reference", name("cells.h5ad"), 123456, new string('a', 64)), new FileRecord("bulk", "folder", null, null, "a folder: not hashed")],
                Warnings = [name("Something was odd.")],
                Log = ["a line"],
            },
        };
    }

    /// <summary>The same with a binary or continuous outcome in the place of survival.</summary>
    internal static ReportData WithOutcome(bool binary, Func<string, string>? name = null)
    {
        name ??= n => n;
        double[] predicted = [.. Enumerable.Range(0, 40).Select(i => binary ? (i + 0.5) / 40 : 50 + i)], observed = [.. Enumerable.Range(0, 40).Select(i => binary ? (i * 7 % 40 < i ? 1.0 : 0) : 40 + i * 13 % 40)];
        string[] patients = [.. Enumerable.Range(0, 40).Select(i => name($"patient {i}"))];
        OutcomePart Part(string key, string title, bool heldOut) => new()
        {
            Key = key,
            Title = title,
            HeldOut = heldOut,
            Note = title + " note.",
            Patients = 40,
            Positive = binary ? observed.Count(v => v == 1) : null,
            Score = new Interval(0.71, 0.6, 0.82),
            Scores = binary ? [new OutcomeScore("AUC", 0.71, 0.6, 0.82, "0.5 is chance"), new OutcomeScore("Brier score", 0.2, null, null, "less is better")] : [new OutcomeScore("R²", heldOut ? -0.12 : 0.4, null, null, "0 is the mean")],
            Roc = binary ? new RocPoints([0, 0.2, 0.5, 1], [0, 0.6, 0.9, 1]) : null,
            Calibration = binary ? [new CalibrationBin(20, 0.3, 0.25, 0.1, 0.4), new CalibrationBin(20, 0.7, 0.75, 0.5, 0.9)] : [],
            Names = patients,
            Predicted = predicted,
            Observed = observed,
        };
        return Create(5, name) with
        {
            Patients = null,
            Evaluation = null,
            Outcome = new OutcomeSection
            {
                Name = name(binary ? "response" : "age"),
                Binary = binary,
                PredictedLabel = name(binary ? "predicted probability of 'yes'" : "expected age"),
                ObservedLabel = name(binary ? "share of 'yes'" : "observed age"),
                ScoreName = binary ? "AUC" : "correlation",
                Chance = binary ? 0.5 : 0,
                Parts = [Part("test", "Held-out patients", true), Part("train", "Training patients", false)],
                Table = new ReportTable([ReportColumn.Of("patient", "patient", patients), ReportColumn.Of("split", "part", patients.Select(_ => "test")), ReportColumn.Of("outcome", "outcome", observed), ReportColumn.Of("expected", "expected", predicted)]),
            },
        };
    }

    /// <summary>Cells of a cross-validation: an embedding of some of them only, and the wrong ones on top.</summary>
    internal static ReportData OfAnEvaluation(int side = 11)
    {
        ReportData full = Create(side);
        int n = side * side;
        int[] all = [.. Enumerable.Range(0, n)];
        string[] classes = ["A", "B", "C"];
        return full with
        {
            Patients = null,
            Contributions = null,
            Genes = null,
            Cells = full.Cells! with
            {
                Kind = "test cells",
                Embeddings = [new Embedding("vectors of the first fold's model", "UMAP 1", "UMAP 2", [.. all.Select(i => i % 2 == 0 ? (float)(i % side) : float.NaN)], [.. all.Select(i => i % 2 == 0 ? (float)(i / side) : float.NaN)], "Of the first fold."), full.Cells.Embeddings[0]],
                Values = [new PointValues("confidence", [.. all.Select(i => 0.5f + i * 0.4f / n)])],
                Groups = [new PointGroups("given label", classes, [.. all.Select(i => i % 3)]), new PointGroups("predicted label", classes, [.. all.Select(i => i % 10 == 0 ? (i + 1) % 3 : i % 3)]), new PointGroups("right or wrong", ["right", "wrong"], [.. all.Select(i => i % 10 == 0 ? 1 : 0)], LaterOnTop: true)],
                Genes = [],
                GroupsFirst = true,
            },
        };
    }

    private static TrainingStage Stage(string name, string loss, string validation, int epochs)
    {
        double[] epoch = [.. Enumerable.Range(1, epochs).Select(e => (double)e)];
        return new TrainingStage
        {
            Name = name,
            Title = name,
            LossLabel = loss,
            ValidationLabel = validation,
            Seconds = 12.5,
            BestEpoch = epochs,
            Epoch = epoch,
            Loss = [.. epoch.Select(e => 1 / e)],
            Validation = [.. epoch.Select(e => 1 / e + 0.1)],
            RunningMean = [.. epoch.Select(e => e < 3 ? double.NaN : 1 / e + 0.2)],
        };
    }

    private static PatientSection Patients(Func<string, string> name)
    {
        SurvivalCurve Curve(string key, string label, double rate) => new()
        {
            Key = key,
            Label = label,
            Patients = 20,
            Events = 16,
            Median = 500 / rate,
            Time = [.. Enumerable.Range(1, 20).Select(k => k * 100.0 / rate)],
            Survival = [.. Enumerable.Range(1, 20).Select(k => 1 - k / 20.0)],
            Lower = [.. Enumerable.Range(1, 20).Select(k => k == 20 ? double.NaN : Math.Max(0, 0.8 - k / 20.0))],
            Upper = [.. Enumerable.Range(1, 20).Select(k => k == 20 ? double.NaN : Math.Min(1, 1.2 - k / 20.0))],
            AtRisk = [.. Enumerable.Range(1, 20).Select(k => 21.0 - k)],
            Censored = [.. Enumerable.Range(1, 20).Select(k => k % 5 == 0 ? 1.0 : 0)],
        };
        string[] patients = [.. Enumerable.Range(0, 40).Select(i => name($"patient {i}"))];
        double[] eta = [.. Enumerable.Range(0, 40).Select(i => Math.Sin(i))];
        return new PatientSection
        {
            TimeLabel = "survival time",
            GroupNote = "High risk: above the median.",
            Parts =
            [
                new PatientPart
                {
                    Key = "test", Title = "Held-out patients", HeldOut = true, Patients = 40, Events = 32, Curves = [Curve("high", "high risk", 2), Curve("low", "low risk", 1)],
                    LogRank = new TestResult(9.1, 1, 0.0026), Concordance = new Interval(0.71, 0.6, 0.82), HazardRatio = new Interval(2.1, 1.2, 3.7),
                    Calibration = new CalibrationResult(400, [new CalibrationBin(20, 0.3, 0.25, 0.1, 0.4), new CalibrationBin(20, 0.7, 0.75, null, null)]),
                },
                new PatientPart { Key = "train", Title = "Training patients", Note = "Fitted.", Patients = 20, Events = 16, Curves = [Curve("low", "low risk", 1)] },
            ],
            Prediction = new SurvivalPrediction([100, 200, 300, 9000], [0.1, 0.4, 1.0, 2.0, 0.2, 0.8, 2.0, 4.0], eta, [.. eta.Select((_, i) => i % 2)]),
            Table = new ReportTable([ReportColumn.Of("patient", "patient", patients), ReportColumn.Of("linear_predictor", "linear predictor", eta)]),
        };
    }
}
