using System.Text.Json.Serialization;

namespace Cellcast.Reports;

/// <summary>Cells and what they can be coloured by.</summary>
public sealed record CellSection
{
    /// <summary>Most cells that a report draws; of more, a sample is taken (<see cref="PointSample"/>).</summary>
    public const int MostPoints = 100_000;

    /// <summary>How many cells there are, drawn or not.</summary>
    public required int Count { get; init; }

    /// <summary>How the drawn cells were chosen; null when all are drawn.</summary>
    public string? SampleNote { get; init; }

    /// <summary>Names of the drawn cells.</summary>
    [JsonConverter(typeof(PackedTexts))]
    public required string[] Names { get; init; }

    /// <summary>At least one set of coordinates.</summary>
    public required IReadOnlyList<Embedding> Embeddings { get; init; }

    /// <summary>Numbers of the cells, the most important first.</summary>
    public IReadOnlyList<PointValues> Values { get; init; } = [];

    /// <summary>Groups of the cells, the most important first.</summary>
    public IReadOnlyList<PointGroups> Groups { get; init; } = [];

    /// <summary>Genes of the top list.</summary>
    public IReadOnlyList<GeneExpression> Genes { get; init; } = [];

    /// <summary>What they are called.</summary>
    public string Kind { get; init; } = "cells";

    /// <summary>Colour by the first group at first, not by the first number.</summary>
    public bool GroupsFirst { get; init; }
}
