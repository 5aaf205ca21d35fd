using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.Cli.Hosting;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Models.ScSurv;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>What a report on scSurv is made of: the results in the shapes in which they leave, straight from a run or read from its folder.</summary>
internal sealed record ScSurvReportSource
{
    /// <summary>Name of the result.</summary>
    internal required string Name { get; init; }

    /// <summary><c>cells.h5ad</c>. Where it was read, counts are still in the file, and shares of cells were left there.</summary>
    internal required AnnotatedData Cells { get; init; }

    /// <summary><c>genes.csv</c>.</summary>
    internal required DataFrame Genes { get; init; }

    /// <summary><c>patients.csv</c>.</summary>
    internal required DataFrame Patients { get; init; }

    /// <summary><c>cell_types.csv</c>.</summary>
    internal DataFrame? CellTypes { get; init; }

    /// <summary><c>spots.h5ad</c>.</summary>
    internal AnnotatedData? Spots { get; init; }

    /// <summary><c>spot_genes.csv</c>.</summary>
    internal DataFrame? SpotGenes { get; init; }

    /// <summary><c>history.csv</c>.</summary>
    internal DataFrame? History { get; init; }

    /// <summary><c>metrics.json</c>.</summary>
    internal required JsonObject Metrics { get; init; }

    /// <summary>Options of the run.</summary>
    internal required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>Column of the cells with the cell type.</summary>
    internal string? LabelColumn { get; init; }

    /// <summary>Column of the cells with the sample.</summary>
    internal string? SampleColumn { get; init; }

    /// <summary>Strata, entry times and weights of the patients (<c>design.csv</c>); null where there are none.</summary>
    internal DataFrame? Design { get; init; }

    /// <summary>What predicted survival starts from; null for other outcomes.</summary>
    internal SurvivalBaseline? Baseline { get; init; }

    /// <summary>Reads a folder that <c>scsurv fit</c> left.</summary>
    /// <exception cref="InputException">It is none, or a file of it is damaged.</exception>
    internal static ScSurvReportSource Read(string folder, JsonObject metrics, int threads)
    {
        AnnotatedData cells = H5adFile.Read(Required("cells.h5ad"), new H5adReadOptions { Threads = threads, Stream = true, Without = ["obsm/map2bulk", "obsm/map2spatial"] });
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (cells.Uns.TryGet(["scsurv", "params"], out ElementMap? parameters))
            foreach (var (key, value) in parameters)
                if (value is Scalar { Value: string text }) settings["--" + key] = text;
        DataFrame patients = Table("patients.csv")!;
        DataFrame? design = Table(DesignFile.Name, required: false);
        if (design is not null && !design.Index.SequenceEqual(patients.Index)) throw new InputException($"'{Path.Combine(folder, DesignFile.Name)}': names other patients than patients.csv; the files belong to different runs.");
        string spots = Path.Combine(folder, "spots.h5ad");
        return new ScSurvReportSource
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            Cells = cells,
            Genes = Table("genes.csv")!,
            Patients = patients,
            CellTypes = Table("cell_types.csv", required: false),
            Spots = File.Exists(spots) ? H5adFile.Read(spots, new H5adReadOptions { Threads = threads, X = false }) : null,
            SpotGenes = Table("spot_genes.csv", required: false),
            History = Table("history.csv", required: false),
            Metrics = metrics,
            Settings = settings,
            LabelColumn = ColumnOf("--label", "label"),
            SampleColumn = ColumnOf("--batch", "sample"),
            Design = design,
            Baseline = SurvivalBaseline.Read(Path.Combine(folder, "survival_curves.csv"), patients, design),
        };

        string Required(string name)
        {
            string path = Path.Combine(folder, name);
            return File.Exists(path) ? path : throw new InputException($"'{folder}': has no {name}, so it is no complete result of 'cellcast scsurv fit'.");
        }

        DataFrame? Table(string name, bool required = true) => required || File.Exists(Path.Combine(folder, name)) ? TextTable.Read(Required(name)).ToDataFrame() : null;

        // Results of 'demo' do not name their columns: they are called so.
        string? ColumnOf(string option, string usual)
        {
            string? given = settings.GetValueOrDefault(option);
            if (!string.IsNullOrEmpty(given) && cells.Obs.Contains(given)) return given;
            return !settings.ContainsKey(option) && cells.Obs.Contains(usual) ? usual : null;
        }
    }

    /// <summary>Reads <c>metrics.json</c> of a finished run.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="commands">The commands whose results are meant, for messages.</param>
    /// <exception cref="InputException">There is none, or it is damaged.</exception>
    internal static JsonObject ReadMetrics(string folder, string commands)
    {
        string path = Path.Combine(folder, "metrics.json");
        ResultPlacement.RequireSettled(folder);
        if (!Directory.Exists(folder)) throw new InputException($"'{folder}': there is no such folder; name one that {commands} has filled.");
        if (!File.Exists(path)) throw new InputException($"'{folder}': has no metrics.json; name a folder that {commands} has filled.");
        try { return JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? throw new InputException($"'{path}': is no JSON object."); }
        catch (JsonException e) { throw new InputException($"'{path}': is damaged ({e.Message.TrimEnd('.')}).", e); }
    }

    /// <summary>Reads <c>metrics.json</c> of a finished fit.</summary>
    /// <exception cref="InputException">There is none, or it is of another command.</exception>
    internal static JsonObject ReadFitMetrics(string folder)
    {
        JsonObject metrics = ReadMetrics(folder, "'cellcast scsurv fit'");
        return metrics["model"]?.ToString() == "scsurv" ? metrics : throw new InputException($"'{folder}': is no result of 'cellcast scsurv fit'; name a folder that it has filled.");
    }
}
