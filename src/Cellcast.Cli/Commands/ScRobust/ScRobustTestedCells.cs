using System.Text.Json.Nodes;
using Cellcast.AnnData.Tables;
using Cellcast.Models.ScRobust;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary>The test cells of an evaluation as they leave: <c>cells.csv</c> and <c>history.csv</c>.</summary>
/// <param name="Names">Cell names.</param>
/// <param name="Labels">Given label of each cell.</param>
/// <param name="Classes">Names of the classes.</param>
/// <param name="Folds">What the model said, fold by fold.</param>
/// <param name="Maps">The cells in the plane.</param>
internal sealed record ScRobustTestedCells(string[] Names, string[] Labels, string[] Classes, IReadOnlyList<TestedFold> Folds, IReadOnlyList<EvaluationMap> Maps)
{
    /// <summary>One row per test cell: given label; fold, called label and confidence of the first repeat; share of the repeats in which it was called right; positions.</summary>
    internal CsvFile Cells()
    {
        int n = Names.Length;
        var fold = new int[n];
        var called = new string[n];
        double[] confidence = new double[n], right = new double[n], times = new double[n];
        foreach (TestedFold f in Folds)
            for (int i = 0; i < f.Cells.Length; i++)
            {
                int cell = f.Cells[i];
                string said = Classes[f.Called[i]];
                times[cell]++;
                if (said == Labels[cell]) right[cell]++;
                if (f.Repeat == 1) (fold[cell], called[cell], confidence[cell]) = (f.Fold, said, f.Confidence[i]);
            }
        var file = new CsvFile().Add("cell", Names).Add("true", Labels).Add("called", called).Add("confidence", confidence).Add("fold", fold).Add("right", [.. right.Zip(times, (r, t) => r / t)]);
        foreach (EvaluationMap m in Maps) file.Add(m.Key + "_umap1", m.X).Add(m.Key + "_umap2", m.Y);
        return file;
    }

    /// <summary>One row per repeat, fold and epoch.</summary>
    internal CsvFile History()
    {
        var rows = Folds.SelectMany(f => f.History.Select(e => (f.Repeat, f.Fold, e.Epoch, e.TrainingLoss, e.ValidationMacroF1))).ToArray();
        return new CsvFile().Add("repeat", rows.Select(r => r.Repeat).ToArray()).Add("fold", rows.Select(r => r.Fold).ToArray()).Add("epoch", rows.Select(r => r.Epoch).ToArray())
            .Add("training_loss", rows.Select(r => r.TrainingLoss).ToArray()).Add("validation_macro_f1", rows.Select(r => r.ValidationMacroF1).ToArray());
    }

    /// <summary>What the positions are, for <c>metrics.json</c>.</summary>
    internal JsonArray Describe() => [.. Maps.Select(m => (JsonNode)new JsonObject { ["key"] = m.Key, ["name"] = m.Name, ["note"] = m.Note })];
}
