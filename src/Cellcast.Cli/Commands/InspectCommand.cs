using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Counts;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Cli.Hosting;
using Spectre.Console;

namespace Cellcast.Cli.Commands;

/// <summary><c>cellcast inspect</c>: what is in a file, and what it can be used for.</summary>
internal sealed class InspectCommand : CellcastCommand
{
    private const int MostColumns = 60;

    private readonly Argument<string> _file = new("FILE") { Description = "h5ad, 10x h5, mtx or Visium folder, csv or tsv, or a data set inside a file (cohort.h5mu/mod/rna)." };
    private readonly Option<bool> _tablesOnly = new("--tables-only") { Description = "Do not look at the values of the matrices (h5ad): fast on large files." };
    private readonly DataOptions _data = new();

    public InspectCommand() : base("inspect", "Show what is in a file, whether it holds raw counts, and what is missing for which command.")
    {
        Arguments.Add(_file);
        Options.Add(_tablesOnly);
        _data.AddTo(this);
        AddExample("cellcast inspect cells.h5ad", "shape, layers, columns, and which options of 'scsurv fit' fit");
        AddExample("cellcast inspect filtered_feature_bc_matrix --json", "for programs");
    }

    protected internal override void Run(CommandContext context)
    {
        string path = context.Arguments.GetValue(_file)!;
        bool values = !context.Arguments.GetValue(_tablesOnly);
        var format = AnyFile.Detect(path);
        var options = _data.Of(context.Arguments, context.Threads);
        if (!values) options = options with { H5ad = H5adReadOptions.TablesOnly };
        var data = AnyFile.Read(path, options);
        foreach (string warning in data.Warnings) context.Log.Info(warning);
        var found = Inspection.Of(data, values);
        Print(context.Output, path, format, found);
        Report(context.Result, path, format, found, data.Warnings);
    }

    private static void Print(IAnsiConsole output, string path, FileFormat format, Inspection found)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}: {Words(format)}, {found.Observations:#,0} observations x {found.Variables:#,0} variables"));
        output.WriteLine($"variables: {found.GeneNames}{(found.Species is { } s ? $", probably {s}" : "")}");
        if (found.RepeatedObservations.Count > 0) output.WriteLine($"names in obs that occur more than once: {found.RepeatedObservations.Count} ({string.Join(", ", found.RepeatedObservations.Take(3))}, …)");
        if (found.RepeatedVariables.Count > 0) output.WriteLine($"names in var that occur more than once: {found.RepeatedVariables.Count} ({string.Join(", ", found.RepeatedVariables.Take(3))}, …)");
        output.WriteLine();
        foreach (var m in found.Matrices) output.WriteLine($"{m.Slot}: {m.Stored}{(m.Values is { } v ? $"; {v.Describe()}{(v.EmptyRows > 0 ? $"; {v.EmptyRows} {(v.EmptyRows == 1 ? "row is" : "rows are")} empty" : "")}" : "")}");
        WriteColumns(output, "obs", found.Obs);
        WriteColumns(output, "var", found.Var);
        if (found.Entries.Count > 0)
        {
            output.WriteLine();
            foreach (var e in found.Entries) output.WriteLine($"{e.Slot}: {e.What}");
        }
        output.WriteLine();
        foreach (var use in found.Uses)
            output.WriteLine($"{use.Use}: {(use.Missing.Count == 0 ? $"ready{(use.Hint.Length > 0 ? $" ({use.Hint})" : "")}" : "missing " + string.Join("; ", use.Missing))}");
    }

    private static void WriteColumns(IAnsiConsole output, string slot, IReadOnlyList<InspectedColumn> columns)
    {
        if (columns.Count == 0) return;
        var table = new Table().Border(TableBorder.Simple).AddColumns(slot, "kind", "missing", "values");
        foreach (var c in columns.Take(MostColumns)) table.AddRow(new Text(c.Name), new Text(c.Kind), new Text(c.Missing == 0 ? "" : c.Missing.ToString(CultureInfo.InvariantCulture)), new Text(c.Values));
        output.Write(table);
        if (columns.Count > MostColumns) output.WriteLine($"… and {columns.Count - MostColumns} more columns");
    }

    private static string Words(FileFormat format) => format switch
    {
        FileFormat.H5ad => "h5ad",
        FileFormat.TenXH5 => "10x h5",
        FileFormat.MtxFolder => "mtx folder",
        FileFormat.VisiumFolder => "Visium folder",
        _ => "table",
    };

    private static void Report(JsonObject result, string path, FileFormat format, Inspection found, IReadOnlyList<string> warnings)
    {
        result["file"] = path;
        result["format"] = Words(format);
        result["observations"] = found.Observations;
        result["variables"] = found.Variables;
        result["matrices"] = new JsonArray([.. found.Matrices.Select(m => new JsonObject
        {
            ["slot"] = m.Slot,
            ["stored"] = m.Stored,
            ["values"] = m.Values?.Kind.ToString().ToLowerInvariant(),
            ["raw_counts"] = m.Values?.IsRawCounts,
            ["empty_rows"] = m.Values?.EmptyRows,
            ["description"] = m.Values?.Describe(),
        })]);
        result["obs"] = ColumnsOf(found.Obs);
        result["var"] = ColumnsOf(found.Var);
        result["entries"] = new JsonArray([.. found.Entries.Select(e => new JsonObject { ["slot"] = e.Slot, ["what"] = e.What })]);
        result["repeated_observations"] = found.RepeatedObservations.Count;
        result["repeated_variables"] = found.RepeatedVariables.Count;
        result["gene_names"] = found.GeneNames;
        result["species"] = found.Species;
        result["uses"] = new JsonArray([.. found.Uses.Select(u => new JsonObject { ["use"] = u.Use, ["ready"] = u.Missing.Count == 0, ["missing"] = Texts(u.Missing), ["hint"] = u.Hint })]);
        result["warnings"] = Texts(warnings);
    }

    private static JsonArray ColumnsOf(IReadOnlyList<InspectedColumn> columns) =>
        new([.. columns.Select(c => new JsonObject { ["name"] = c.Name, ["kind"] = c.Kind, ["missing"] = c.Missing, ["values"] = c.Values })]);

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(t => JsonValue.Create(t))]);
}
