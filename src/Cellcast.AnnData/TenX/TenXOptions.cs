namespace Cellcast.AnnData.TenX;

/// <summary>How to read count files of 10x Genomics and of programs that write the same layout.</summary>
public sealed record TenXOptions
{
    /// <summary>Genome to read where a file holds several; null where there is one.</summary>
    public string? Genome { get; init; }

    /// <summary>Feature type to keep; null for all. Files without types, and files that have none of this type, are read whole.</summary>
    public string? FeatureType { get; init; } = GeneExpression;

    /// <summary>Text before <c>matrix.mtx</c>, <c>features.tsv</c> and <c>barcodes.tsv</c>; null to find it.</summary>
    public string? Prefix { get; init; }

    /// <summary>Read the images of a Visium folder into <c>uns['spatial']</c>.</summary>
    public bool Images { get; init; } = true;

    /// <summary>The type of features that are genes.</summary>
    internal const string GeneExpression = "Gene Expression";
}
