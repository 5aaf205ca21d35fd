using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>What a report on an analysis is made of: straight from a run or read from its folder.</summary>
internal sealed record AnalysisReportSource
{
    /// <summary>The data set with all results.</summary>
    internal const string DataFile = "analysis.h5ad";

    /// <summary>Name of the result.</summary>
    internal required string Name { get; init; }

    /// <summary><c>analysis.h5ad</c>.</summary>
    internal required AnnotatedData Data { get; init; }

    /// <summary><c>clusters.csv</c>, by cluster.</summary>
    internal DataFrame? Clusters { get; init; }

    /// <summary><c>markers.csv</c>, by group.</summary>
    internal DataFrame? Markers { get; init; }

    /// <summary><c>label_markers.csv</c>, by group.</summary>
    internal DataFrame? LabelMarkers { get; init; }

    /// <summary><c>metrics.json</c>.</summary>
    internal required JsonObject Metrics { get; init; }

    /// <summary>Column with known types, or null.</summary>
    internal string? LabelColumn => Metrics["agreement"]?["column"]?.ToString();

    /// <summary>Reads a folder that <c>analyze</c> left.</summary>
    /// <exception cref="InputException">It is none, or a file of it is damaged.</exception>
    internal static AnalysisReportSource Read(string folder, JsonObject metrics, int threads)
    {
        string path = Path.Combine(folder, DataFile);
        if (!File.Exists(path)) throw new InputException($"'{folder}': has no {DataFile}, so it is no complete result of 'cellcast analyze'.");
        return new AnalysisReportSource
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            Data = H5adFile.Read(path, new H5adReadOptions { Threads = threads, Layers = [] }),
            Clusters = Table("clusters.csv"),
            Markers = Table("markers.csv"),
            LabelMarkers = Table("label_markers.csv"),
            Metrics = metrics,
        };

        DataFrame? Table(string name) => File.Exists(Path.Combine(folder, name)) ? TextTable.Read(Path.Combine(folder, name)).ToDataFrame() : null;
    }
}
