using Cellcast.AnnData;
using Cellcast.Models.Training;

namespace Cellcast.Models.ScRobust;

/// <summary>Which cells of a file a classifier can learn from: those with a label, of classes that are large enough.</summary>
/// <param name="Rows">Row numbers in the file, ascending.</param>
/// <param name="Labels">Class of each of them, from 0.</param>
/// <param name="Classes">Names of the classes, in ordinal order.</param>
public sealed record LabelledCells(int[] Rows, int[] Labels, string[] Classes)
{
    /// <summary>Reads a column of labels; says what it sets aside.</summary>
    /// <param name="data">The file.</param>
    /// <param name="column">Column of obs.</param>
    /// <param name="minimumCells">Cells that a class must have; at least 2, one to learn from and one to validate with.</param>
    /// <param name="progress">Is told what was set aside.</param>
    /// <exception cref="InputException">There is no such column, or fewer than two classes are left.</exception>
    public static LabelledCells Of(AnnotatedData data, string column, int minimumCells, ITrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(progress);
        ArgumentOutOfRangeException.ThrowIfLessThan(minimumCells, 2);
        string source = data.Source ?? "the data";
        string?[] labels = data.Obs.Require(column, source).ToText();
        var sizes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (string? label in labels)
            if (!string.IsNullOrEmpty(label)) sizes[label] = sizes.GetValueOrDefault(label) + 1;
        int missing = labels.Count(string.IsNullOrEmpty);
        if (missing > 0) progress.Message($"{source}: {missing:N0} of {labels.Length:N0} cells have no '{column}' and are left out.");
        string[] small = [.. sizes.Where(s => s.Value < minimumCells).Select(s => s.Key)];
        if (small.Length > 0)
            progress.Message($"{source}: {small.Length} {(small.Length == 1 ? "class has" : "classes have")} fewer than {minimumCells} cells and {(small.Length == 1 ? "is" : "are")} set aside: {string.Join(", ", small.Take(10).Select(s => $"'{s}' ({sizes[s]})"))}{(small.Length > 10 ? ", …" : "")}.");
        string[] classes = [.. sizes.Where(s => s.Value >= minimumCells).Select(s => s.Key)];
        if (classes.Length < 2)
            throw new InputException($"'{source}', obs['{column}']: {classes.Length} {(classes.Length == 1 ? "class has" : "classes have")} at least {minimumCells} cells, and a classifier needs two; choose another column or lower --min-cells.");
        int[] rows = [.. Enumerable.Range(0, labels.Length).Where(r => labels[r] is { Length: > 0 } l && sizes[l] >= minimumCells)];
        return new LabelledCells(rows, [.. rows.Select(r => Array.BinarySearch(classes, labels[r], StringComparer.Ordinal))], classes);
    }
}
