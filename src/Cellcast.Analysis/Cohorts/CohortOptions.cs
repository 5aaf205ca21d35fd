using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>How a cohort is put together.</summary>
public sealed record CohortOptions
{
    /// <summary>Column of the clinical table that names the patient (or the sample, as the counts do); null to find the one that fits best.</summary>
    public string? Patient { get; init; }

    /// <summary>Column with the survival time; null to look for the usual names.</summary>
    public string? Time { get; init; }

    /// <summary>Column with the event (see <see cref="EventStatus"/>); null to look for the usual names.</summary>
    public string? Event { get; init; }

    /// <summary>Sample types to take where samples have types (GDC's words), in order of preference; empty for all.</summary>
    public IReadOnlyList<string> SampleTypes { get; init; } = ["Primary Tumor"];

    /// <summary>Table or GTF that translates gene ids into symbols; null for the symbols of the files themselves.</summary>
    public string? GeneMap { get; init; }

    /// <summary>How to read the table of counts.</summary>
    public CountTableOptions Table { get; init; } = new() { Repeated = RepeatedGenes.Sum };

    /// <summary>GDC: sample sheet; null to find <c>gdc_sample_sheet*.tsv</c> in the folder.</summary>
    public string? SampleSheet { get; init; }

    /// <summary>GDC: clinical table; null to find <c>clinical.tsv</c> in the folder.</summary>
    public string? Clinical { get; init; }

    /// <summary>GDC: column of the STAR files to take.</summary>
    public string StarColumn { get; init; } = "unstranded";
}
