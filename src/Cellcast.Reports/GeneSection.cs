namespace Cellcast.Reports;

/// <summary>Genes: a table, and which of its columns make a picture.</summary>
public sealed record GeneSection
{
    /// <summary>Title of the table.</summary>
    public string Title { get; init; } = "Prognostic genes";

    /// <summary>Title of the colour scale: what negative and positive values mean.</summary>
    public string ColorLabel { get; init; } = "correlation: negative = favourable, positive = adverse";

    /// <summary>The genes.</summary>
    public required ReportTable Table { get; init; }

    /// <summary>Key of the column with the names.</summary>
    public required string NameColumn { get; init; }

    /// <summary>Key of the column across.</summary>
    public required string XColumn { get; init; }

    /// <summary>Its label.</summary>
    public required string XLabel { get; init; }

    /// <summary>Whether the scale across is logarithmic.</summary>
    public bool XLogarithmic { get; init; }

    /// <summary>Key of the column upwards, a correlation from -1 to 1.</summary>
    public required string YColumn { get; init; }

    /// <summary>Its label.</summary>
    public required string YLabel { get; init; }

    /// <summary>Key of the column with adjusted p values, or null.</summary>
    public string? QColumn { get; init; }

    /// <summary>Explanation below the picture.</summary>
    public string? Note { get; init; }
}
