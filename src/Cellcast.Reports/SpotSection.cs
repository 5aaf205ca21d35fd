using System.Text.Json.Serialization;

namespace Cellcast.Reports;

/// <summary>Spots of a tissue section.</summary>
public sealed record SpotSection
{
    /// <summary>How many spots there are, drawn or not.</summary>
    public required int Count { get; init; }

    /// <summary>How the drawn spots were chosen; null when all are drawn.</summary>
    public string? SampleNote { get; init; }

    /// <summary>Names of the drawn spots.</summary>
    [JsonConverter(typeof(PackedTexts))]
    public required string[] Names { get; init; }

    /// <summary>Across, in the units of the image.</summary>
    public required float[] X { get; init; }

    /// <summary>Downwards.</summary>
    public required float[] Y { get; init; }

    /// <summary>Diameter of a spot in those units; null when unknown.</summary>
    public double? Diameter { get; init; }

    /// <summary>The tissue, or null.</summary>
    public TissueImage? Image { get; init; }

    /// <summary>What the first number of the spots means, and what is known of its pattern.</summary>
    public string? Lead { get; init; }

    /// <summary>Genes that follow it, or null.</summary>
    public ReportTable? Genes { get; init; }

    /// <summary>Numbers of the spots, the hazard first.</summary>
    public required IReadOnlyList<PointValues> Values { get; init; }

    /// <summary>Groups of the spots.</summary>
    public IReadOnlyList<PointGroups> Groups { get; init; } = [];
}

/// <summary>A picture of the tissue below the spots.</summary>
/// <param name="Source">The picture as a <c>data:</c> address.</param>
/// <param name="Width">Its width in the units of the spots' coordinates.</param>
/// <param name="Height">Its height in those units.</param>
public sealed record TissueImage(string Source, double Width, double Height);
