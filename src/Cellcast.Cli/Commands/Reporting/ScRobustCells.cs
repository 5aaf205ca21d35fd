using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>The test cells of a cross-validation and the course of its trainings, as a report shows them.</summary>
internal static class ScRobustCells
{
    /// <summary>Test cells in the plane, coloured by what they are and what they were called; null where they were not laid out.</summary>
    internal static CellSection? Section(ScRobustReportSource source)
    {
        if (source.Cells is not { Length: > 0 } table || source.Metrics["maps"] is not JsonArray { Count: > 0 } described) return null;
        var maps = described.OfType<JsonObject>().Select(m => (Key: m["key"]?.ToString() ?? "", Name: m["name"]?.ToString() ?? "", Note: m["note"]?.ToString()))
            .Where(m => table.Contains(m.Key + "_umap1") && table.Contains(m.Key + "_umap2")).ToArray();
        if (maps.Length == 0) return null;
        Embedding[] embeddings = [.. maps.Select(m => new Embedding(m.Name, "UMAP 1", "UMAP 2", Single(table, m.Key + "_umap1"), Single(table, m.Key + "_umap2"), m.Note))];
        // Cells are thinned by a map that has all of them.
        Embedding widest = embeddings.MaxBy(e => e.X.Count(float.IsFinite))!;
        int[] rows = PointSample.Choose(widest.X, widest.Y);
        string[] given = Columns.Texts(table, "true"), called = Columns.Texts(table, "called");
        string[] classes = [.. given.Concat(called).Distinct().Order(StringComparer.Ordinal)];
        int repeats = source.Metrics["repeats"]?.GetValue<int>() ?? 1;
        string where = repeats > 1 ? " (first repeat)" : "";
        var values = new List<PointValues> { new("confidence" + where, CellPictures.Take(Single(table, "confidence"), rows), "calibrated probability of the predicted label, from the fold in which the cell was tested") };
        if (repeats > 1) values.Add(new("share of repeats right", CellPictures.Take(Single(table, "right"), rows), $"share of {repeats} repeats in which the cell was labelled right"));
        int[] Codes(string[] labels) => [.. rows.Select(r => Array.BinarySearch(classes, labels[r], StringComparer.Ordinal))];
        return new CellSection
        {
            Count = table.Length,
            Kind = "test cells",
            SampleNote = rows.Length == table.Length ? null : $"{rows.Length:N0} of {table.Length:N0} cells are drawn: every region keeps its share of the cells.",
            Names = CellPictures.Take(table.Index, rows),
            Embeddings = [.. embeddings.Select(e => e with { X = CellPictures.Take(e.X, rows), Y = CellPictures.Take(e.Y, rows) })],
            Values = values,
            Groups =
            [
                new PointGroups("given label", classes, Codes(given)),
                new PointGroups("predicted label" + where, classes, Codes(called)),
                new PointGroups("right or wrong" + where, ["right", "wrong"], [.. rows.Select(r => given[r] == called[r] ? 0 : 1)], LaterOnTop: true),
                .. Folds(table, rows, where),
            ],
            GroupsFirst = true,
        };
    }

    /// <summary>Loss and validation macro-F1 by epoch, one line per fold.</summary>
    internal static IReadOnlyList<TrainingRuns>? Training(ScRobustReportSource source)
    {
        if (source.History is not { Length: > 0 } h) return null;
        double[] epoch = Columns.Numbers(h, "epoch"), loss = Columns.Numbers(h, "training_loss"), f1 = Columns.Numbers(h, "validation_macro_f1");
        string[] fold = Columns.Texts(h, "fold");
        var runs = Enumerable.Range(0, h.Length).GroupBy(i => (Repeat: h.Index[i], Fold: fold[i])).ToArray();
        bool repeated = runs.Select(r => r.Key.Repeat).Distinct().Skip(1).Any();
        TrainingRun[] Of(double[] values) => [.. runs.Select(r => new TrainingRun(repeated ? $"repeat {r.Key.Repeat}, fold {r.Key.Fold}" : $"fold {r.Key.Fold}", [.. r.Select(i => epoch[i])], [.. r.Select(i => values[i])]))];
        return
        [
            new("Training loss", "training loss", Of(loss), "Cross-entropy over the training cells of each fold, mean of its batches."),
            new("Validation macro-F1", "validation macro-F1", Of(f1), "On cells held out of the training cells of each fold. With shrinking steps the last epoch is kept, otherwise the best one; the test cells have no part in it."),
        ];
    }

    private static IEnumerable<PointGroups> Folds(DataFrame table, int[] rows, string where)
    {
        int[] fold = [.. Columns.Numbers(table, "fold").Select(f => double.IsFinite(f) ? (int)f - 1 : -1)];
        int count = fold.Max() + 1;
        if (count > 1) yield return new PointGroups("fold in which it was tested" + where, [.. Enumerable.Range(1, count).Select(f => $"fold {f}")], CellPictures.Take(fold, rows));
    }

    private static float[] Single(DataFrame table, string column) => [.. Columns.Numbers(table, column).Select(v => (float)v)];
}
