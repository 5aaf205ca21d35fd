using System.CommandLine;
using System.Globalization;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.AnnData.TenX;
using Cellcast.Cli.Hosting;

namespace Cellcast.Cli.Commands;

/// <summary><c>cellcast convert</c>: one format into another.</summary>
internal sealed class ConvertCommand : CellcastCommand
{
    private static readonly string[] s_tableEndings = [".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"];

    private readonly Argument<string> _in = new("IN") { Description = "h5ad, 10x h5, mtx or Visium folder, csv or tsv, or a data set inside a file (cohort.h5mu/mod/rna)." };
    private readonly Argument<string> _out = new("OUT") { Description = "NAME.h5ad, NAME.csv or NAME.tsv (also .gz), or, without an ending, an mtx folder." };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer to write into a table or an mtx folder, or to make X of an h5ad file.", HelpName = "NAME" };
    private readonly DataOptions _data = new();

    public ConvertCommand() : base("convert", "Turn 10x h5, mtx and Visium folders, csv and tsv into h5ad, and h5ad into mtx folders and tables.", OutputKind.File)
    {
        Arguments.Add(_in);
        Arguments.Add(_out);
        Options.Add(_layer);
        _data.AddTo(this);
        AddExample("cellcast convert filtered_feature_bc_matrix cells.h5ad", "a Cell Ranger folder");
        AddExample("cellcast convert counts.tsv.gz bulk.h5ad --orientation genes --repeated-genes sum", "a table with a row per gene");
        AddExample("cellcast convert cells.h5ad cells_mtx --layer counts", "for programs that read mtx folders");
    }

    protected internal override void Run(CommandContext context)
    {
        string input = context.Arguments.GetValue(_in)!, output = context.Arguments.GetValue(_out)!;
        string? layer = context.Arguments.GetValue(_layer);
        var target = TargetOf(output);
        if (target == Target.Folder) CheckOutputFolder(context, output);
        else context.CheckOutputFile(output);
        if (Path.GetFullPath(input) == Path.GetFullPath(output)) throw new UsageException("IN and OUT are the same file: name another output.");

        var data = AnyFile.Read(input, _data.Of(context.Arguments, context.Threads));
        foreach (string warning in data.Warnings) context.Log.Info(warning);
        context.Cancellation.ThrowIfCancellationRequested();
        switch (target)
        {
            case Target.H5ad:
                if (layer is not null) data.X = data.MatrixOf(layer);
                H5adFile.Write(output, data, new H5adWriteOptions { Threads = context.Threads });
                break;
            case Target.Table:
                WarnOfLoss(context, data);
                CountTableWriter.Write(output, data, _data.TableOf(context.Arguments).Orientation, layer);
                break;
            default:
                WarnOfLoss(context, data);
                MtxFolder.Write(output, data, layer, context.Overwrite);
                break;
        }
        context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"{output}: {data.ObservationCount:#,0} observations x {data.VariableCount:#,0} variables"));
        context.Result["out"] = Path.GetFullPath(output);
        context.Result["observations"] = data.ObservationCount;
        context.Result["variables"] = data.VariableCount;
    }

    private enum Target
    {
        H5ad,
        Table,
        Folder,
    }

    private static Target TargetOf(string path)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        if (name.EndsWith(".h5ad", StringComparison.OrdinalIgnoreCase)) return Target.H5ad;
        if (s_tableEndings.Any(e => name.EndsWith(e, StringComparison.OrdinalIgnoreCase))) return Target.Table;
        if (Path.GetExtension(name).ToLowerInvariant() is ".h5" or ".loom" or ".rds" or ".zarr" or ".h5mu" or ".xlsx" or ".mtx" or ".gz")
            throw new UsageException($"'{path}' names a format that is not written: use .h5ad, .csv, .tsv, or a name without an ending for an mtx folder.");
        return Target.Folder;
    }

    private static void CheckOutputFolder(CommandContext context, string path)
    {
        if (File.Exists(path)) throw new UsageException($"'{path}' is a file: name a new folder, or end the name in .h5ad, .csv or .tsv.");
        if (!context.Overwrite && Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
            throw new UsageException($"the folder '{path}' is not empty: choose another or give --overwrite.");
        string parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)))!;
        if (!Directory.Exists(parent)) throw new UsageException($"the folder '{parent}' of the output does not exist: create it first.");
    }

    private static void WarnOfLoss(CommandContext context, AnnotatedData data)
    {
        string[] lost = [.. new[] { ("obs columns", data.Obs.ColumnCount), ("layers", data.Layers.Count), ("obsm", data.Obsm.Count), ("uns", data.Uns.Count) }.Where(p => p.Item2 > 0).Select(p => p.Item1)];
        if (lost.Length > 0) context.Log.Warning($"this format keeps one matrix and names only: {string.Join(", ", lost)} of the input are not in the output.");
    }
}
