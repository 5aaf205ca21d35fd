using System.CommandLine;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;
using Cellcast.Tensors;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust annotate</c>: labels for new cells, from a classifier or from marker lists.</summary>
internal sealed class ScRobustAnnotateCommand : CellcastCommand
{
    private readonly Option<string> _model = new("--model", "-m") { Description = "Folder that train wrote; with --markers any folder with an encoder.", HelpName = "DIR", Required = true };
    private readonly Option<string> _cells = new("--cells", "-c") { Description = "Cells with raw counts or log-normalised values.", HelpName = "FILE", Required = true };
    private readonly Option<string> _out = new("--out", "-o") { Description = "The same cells with their labels (.h5ad), or a table of the labels (.csv, .tsv).", HelpName = "FILE", Required = true };
    private readonly Option<string?> _markers = new("--markers") { Description = "Label by lists of marker genes: .gmt, .json, or a table with the columns name and gene.", HelpName = "FILE" };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer to use; X when left out.", HelpName = "NAME" };
    private readonly Option<double?> _threshold = new("--threshold") { Description = "Confidence below which a cell is 'unknown'; as chosen in training when left out.", HelpName = "X" };

    public ScRobustAnnotateCommand() : base("annotate", "Label new cells with a trained classifier, or by marker lists.", OutputKind.File)
    {
        _threshold.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && !(NumberOptions.TryParse(r.Tokens[0].Value, out double x) && x is >= 0 and <= 1))
                r.AddError($"--threshold takes a number from 0 to 1, not '{r.Tokens[0].Value}'.");
        });
        foreach (Option o in (Option[])[_model, _cells, _out, _markers, _layer, _threshold]) Options.Add(o);
        AddExample("cellcast scrobust annotate --model classifier --cells new.h5ad --out labelled.h5ad", "with a classifier");
        AddExample("cellcast scrobust annotate --model encoder --markers markers.gmt --cells new.h5ad --out labels.csv", "by marker lists");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        string target = a.GetValue(_out)!;
        bool table = IsTable(target);
        if (a.GetValue(_markers) is not null && a.GetValue(_threshold) is not null) throw new UsageException("--threshold belongs to a classifier: leave it out with --markers.");
        context.CheckOutputFile(target);
        var columns = new CsvFile();
        string[] labels;
        using (var device = new CpuDevice(context.Threads))
            labels = a.GetValue(_markers) is { } markers ? ByMarkers(context, device, markers, columns, table) : ByClassifier(context, device, columns, table);
        if (table) columns.Write(target);

        var counts = new JsonObject();
        foreach (var group in labels.GroupBy(l => l, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            context.Log.Info($"{group.Key}: {group.Count():N0}");
            counts[group.Key] = group.Count();
        }
        context.Log.Info($"{labels.Length:N0} cells: {target}");
        context.Result["labels"] = counts;
        context.Result["file"] = JsonValue.Create(Path.GetFullPath(target));
    }

    private string[] ByClassifier(CommandContext context, CpuDevice device, CsvFile columns, bool table)
    {
        ParseResult a = context.Arguments;
        CellAnnotator annotator = CellAnnotator.Load(a.GetValue(_model)!);
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!, stream: true);
        var cells = new CellStream(annotator.Model, data, context.Progress, a.GetValue(_layer));
        string[] labels = new string[cells.Count], best = new string[cells.Count];
        double[] confidence = new double[cells.Count];
        int k = annotator.Classes.Count;
        GeneratedArray probabilities = cells.Annotate(annotator, device, a.GetValue(_threshold), (first, found) =>
        {
            found.Labels.CopyTo(labels, first);
            found.Best.CopyTo(best, first);
            found.Confidence.CopyTo(confidence, first);
        }, context.Cancellation);
        if (table)
        {
            float[] p = probabilities.ToDense().ToSingle();
            columns.Add("cell", data.Obs.Index).Add("label", labels).Add("best", best).Add("confidence", confidence);
            for (int j = 0; j < k; j++) columns.Add("p_" + annotator.Classes[j], [.. Enumerable.Range(0, cells.Count).Select(c => p[c * k + j])]);
            return labels;
        }
        data.Obsm["scrobust_probabilities"] = probabilities;
        data.Uns["scrobust_classes"] = new NdArray(annotator.Classes.ToArray());
        Write(context, data, () =>
        {
            data.Obs["scrobust_label"] = CategoricalColumn.FromLabels(labels);
            data.Obs["scrobust_best"] = CategoricalColumn.FromLabels(best);
            data.Obs.Set("scrobust_confidence", confidence);
        });
        return labels;
    }

    private string[] ByMarkers(CommandContext context, CpuDevice device, string markers, CsvFile columns, bool table)
    {
        ParseResult a = context.Arguments;
        IReadOnlyList<GeneSet> lists = GeneSet.Read(markers);
        ScRobustModel model = ScRobustModel.Load(a.GetValue(_model)!);
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!, stream: true);
        var cells = new CellStream(model, data, context.Progress, a.GetValue(_layer));
        var labels = new string[cells.Count];
        IReadOnlyList<MarkerCoverage> covered = [];
        GeneratedArray scores = cells.Score(device, lists, (first, found) =>
        {
            found.Labels.CopyTo(labels, first);
            covered = found.Coverage;
        }, context.Cancellation);
        string[] names = [.. lists.Select(l => l.Name)];
        if (table)
        {
            float[] s = scores.ToDense().ToSingle();
            columns.Add("cell", data.Obs.Index).Add("label", labels);
            for (int j = 0; j < names.Length; j++) columns.Add("score_" + names[j], [.. Enumerable.Range(0, cells.Count).Select(c => s[c * names.Length + j])]);
        }
        else
        {
            data.Obsm["scrobust_marker_scores"] = scores;
            data.Uns["scrobust_marker_lists"] = new NdArray(names);
            Write(context, data, () => data.Obs["scrobust_marker_label"] = CategoricalColumn.FromLabels(labels));
        }
        Report(context, covered);
        return labels;
    }

    private static void Report(CommandContext context, IReadOnlyList<MarkerCoverage> covered)
    {
        var coverage = new JsonArray();
        foreach (MarkerCoverage c in covered)
        {
            string sentence = $"{c.Name}: {c.Known} of {c.Genes} genes are known to the encoder, {c.Expressed} are expressed by these cells";
            if (c.Known == 0) context.Log.Warning(sentence + "; the list is not used.");
            else context.Log.Info(sentence);
            coverage.Add(new JsonObject { ["name"] = c.Name, ["genes"] = c.Genes, ["known"] = c.Known, ["expressed"] = c.Expressed });
        }
        context.Result["coverage"] = coverage;
    }

    /// <summary>Cells are labelled while the file is written, their labels added at its end.</summary>
    private void Write(CommandContext context, AnnotatedData data, Action addLabels)
    {
        foreach (string note in H5adFile.Write(context.Arguments.GetValue(_out)!, data, new H5adWriteOptions { Threads = context.Threads }, addLabels)) context.Log.Warning(note);
    }

    private static bool IsTable(string path)
    {
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        if (name.EndsWith(".h5ad", StringComparison.OrdinalIgnoreCase)) return false;
        if (name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase)) return true;
        throw new UsageException($"'{path}': name the output .h5ad (the cells with their labels), .csv or .tsv (a table of the labels).");
    }
}
