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
            if (r.Tokens.Count == 1 && !(double.TryParse(r.Tokens[0].Value, System.Globalization.CultureInfo.InvariantCulture, out double x) && x is >= 0 and <= 1))
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
        AnnotatedData data;
        string[] labels;
        using (var device = new CpuDevice(context.Threads))
            (data, labels) = a.GetValue(_markers) is { } markers ? ByMarkers(context, device, markers, columns, table) : ByClassifier(context, device, columns, table);
        if (table) columns.Write(target);
        else foreach (string note in H5adFile.Write(target, data)) context.Log.Warning(note);

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

    private (AnnotatedData Data, string[] Labels) ByClassifier(CommandContext context, CpuDevice device, CsvFile columns, bool table)
    {
        ParseResult a = context.Arguments;
        CellAnnotator annotator = CellAnnotator.Load(a.GetValue(_model)!);
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!);
        CellSet cells = annotator.Model.Read(data, context.Progress, a.GetValue(_layer));
        Annotations found = annotator.Annotate(device, cells, a.GetValue(_threshold), context.Progress, context.Cancellation);
        int k = annotator.Classes.Count;
        if (table)
        {
            columns.Add("cell", data.Obs.Index).Add("label", found.Labels).Add("best", found.Best).Add("confidence", found.Confidence);
            for (int j = 0; j < k; j++) columns.Add("p_" + annotator.Classes[j], [.. Enumerable.Range(0, cells.Count).Select(c => found.Probabilities[c * k + j])]);
        }
        else
        {
            data.Obs["scrobust_label"] = CategoricalColumn.FromLabels(found.Labels);
            data.Obs["scrobust_best"] = CategoricalColumn.FromLabels(found.Best);
            data.Obs.Set("scrobust_confidence", found.Confidence);
            data.Obsm["scrobust_probabilities"] = new DenseMatrix(cells.Count, k, found.Probabilities);
            data.Uns["scrobust_classes"] = new NdArray(annotator.Classes.ToArray());
        }
        return (data, found.Labels);
    }

    private (AnnotatedData Data, string[] Labels) ByMarkers(CommandContext context, CpuDevice device, string markers, CsvFile columns, bool table)
    {
        ParseResult a = context.Arguments;
        IReadOnlyList<GeneSet> lists = GeneSet.Read(markers);
        ScRobustModel model = ScRobustModel.Load(a.GetValue(_model)!);
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!);
        CellSet cells = model.Read(data, context.Progress, a.GetValue(_layer));
        MarkerResult found = MarkerAnnotation.Score(device, model, cells, lists, context.Progress, context.Cancellation);
        var coverage = new JsonArray();
        foreach (MarkerCoverage c in found.Coverage)
        {
            string sentence = $"{c.Name}: {c.Known} of {c.Genes} genes are known to the encoder, {c.Expressed} are expressed by these cells";
            if (c.Known == 0) context.Log.Warning(sentence + "; the list is not used.");
            else context.Log.Info(sentence);
            coverage.Add(new JsonObject { ["name"] = c.Name, ["genes"] = c.Genes, ["known"] = c.Known, ["expressed"] = c.Expressed });
        }
        context.Result["coverage"] = coverage;
        string[] names = [.. lists.Select(l => l.Name)];
        if (table)
        {
            columns.Add("cell", data.Obs.Index).Add("label", found.Labels);
            for (int j = 0; j < names.Length; j++) columns.Add("score_" + names[j], [.. Enumerable.Range(0, cells.Count).Select(c => found.Scores[c * names.Length + j])]);
        }
        else
        {
            data.Obs["scrobust_marker_label"] = CategoricalColumn.FromLabels(found.Labels);
            data.Obsm["scrobust_marker_scores"] = new DenseMatrix(cells.Count, names.Length, found.Scores);
            data.Uns["scrobust_marker_lists"] = new NdArray(names);
        }
        return (data, found.Labels);
    }

    private static bool IsTable(string path)
    {
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        if (name.EndsWith(".h5ad", StringComparison.OrdinalIgnoreCase)) return false;
        if (name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase)) return true;
        throw new UsageException($"'{path}': name the output .h5ad (the cells with their labels), .csv or .tsv (a table of the labels).");
    }
}
