using System.Text.Json.Serialization;

namespace Cellcast.Reports;

/// <summary>Coordinates of the points of a section.</summary>
/// <param name="Name">Name of the embedding.</param>
/// <param name="XLabel">Name of the first coordinate.</param>
/// <param name="YLabel">Name of the second coordinate.</param>
/// <param name="X">First coordinate of each point.</param>
/// <param name="Y">Second coordinate of each point.</param>
/// <param name="Note">How it came about.</param>
public sealed record Embedding(string Name, string XLabel, string YLabel, float[] X, float[] Y, string? Note = null);

/// <summary>A number for each point.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Values">One per point, NaN: missing.</param>
/// <param name="Description">Title of the colour scale.</param>
/// <param name="Centre">Middle of a diverging scale; null for a sequential one.</param>
/// <param name="Logarithmic">Whether the scale is logarithmic (values above 0).</param>
public sealed record PointValues(string Name, float[] Values, string? Description = null, double? Centre = null, bool Logarithmic = false);

/// <summary>A group for each point.</summary>
/// <param name="Name">What the groups are.</param>
/// <param name="Labels">Names of the groups.</param>
/// <param name="Codes">Position in <paramref name="Labels"/> of each point, -1: none.</param>
/// <param name="LaterOnTop">Whether points of later labels are drawn over those of earlier ones; otherwise the order is mixed.</param>
/// <param name="Sides">For groups of high (1) and low (-1) values, which have the colours of these; null for others.</param>
public sealed record PointGroups(string Name, IReadOnlyList<string> Labels, int[] Codes, bool LaterOnTop = false, IReadOnlyList<int>? Sides = null);

/// <summary>Expression of one gene over the cells, kept in 255 steps.</summary>
/// <param name="Name">The gene.</param>
/// <param name="Values">log1p of counts per 10,000, one per cell.</param>
public sealed record GeneExpression(string Name, [property: JsonConverter(typeof(PackedLevels))] float[] Values);
