using Cellcast.AnnData;

namespace Cellcast.Analysis.Counts;

/// <summary>Refuses matrices that are no raw counts, before a model makes nonsense of them.</summary>
public static class CountCheck
{
    /// <summary>Checks that all values are whole numbers of at least 0.</summary>
    /// <param name="counts">The matrix.</param>
    /// <param name="data">Where it is from: names the file and the rows, and is searched for counts elsewhere when these are none.</param>
    /// <param name="slot">Slot to name: <c>X</c> or <c>layers/NAME</c>.</param>
    /// <param name="row">What a row is: <c>cell</c>, <c>patient</c>, <c>spot</c>.</param>
    /// <param name="refuseEmptyRows">Also refuse a row without any count.</param>
    /// <param name="checkedRows">Is given every block of rows that passed: first row, rows.</param>
    /// <param name="cancellation">Checked between blocks of rows.</param>
    /// <exception cref="InputException">A value is negative, fractional, NaN or infinite, or a row is empty: the message names the first offending
    /// row and gene and says where raw counts may be.</exception>
    public static void RequireRawCounts(Matrix counts, AnnotatedData data, string slot, string row = "row", bool refuseEmptyRows = false, Action<int, RowBlock>? checkedRows = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(data);
        counts.ForEachBlock((first, rows) =>
        {
            for (int r = 0; r < rows.Count; r++)
            {
                bool empty = true;
                var values = rows.RowValues(r);
                for (int k = 0; k < values.Length; k++)
                {
                    float v = values[k];
                    empty &= v == 0;
                    if (v >= 0 && v == MathF.Truncate(v) && !float.IsInfinity(v)) continue;
                    string gene = data.Var.Index.Length == counts.Columns ? $", gene '{data.Var.Index[rows.RowIndices(r)[k]]}'" : "";
                    throw new InputException($"{Where(data, slot, row, first + r)}{gene}: the value {Text(v)} {Fault(v)}, but raw counts are needed{Hint(data, slot)}.");
                }
                if (empty && refuseEmptyRows) throw new InputException($"{Where(data, slot, row, first + r)} has no counts at all; remove it.");
            }
            checkedRows?.Invoke(first, rows);
        }, cancellation);
    }

    /// <summary>Where raw counts are in a data set: <c>X</c>, <c>layers/NAME</c>, <c>raw/X</c>; empty where nowhere.</summary>
    public static IReadOnlyList<string> SlotsWithCounts(AnnotatedData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return [.. Slots(data).Where(s => HoldsCounts(s.Matrix)).Select(s => s.Slot)];
    }

    private static IEnumerable<(string Slot, Matrix Matrix)> Slots(AnnotatedData data)
    {
        if (data.X is { } x) yield return ("X", x);
        foreach (var (name, m) in data.Layers) yield return ("layers/" + name, m);
        if (data.Raw?.X is { } raw) yield return ("raw/X", raw);
    }

    private static bool HoldsCounts(Matrix m) => m.ElementType != typeof(string) && CountSummary.Of(m).IsRawCounts;

    private static string Where(AnnotatedData data, string slot, string row, int r) =>
        $"'{data.Source ?? "the data"}', {slot}: {row} '{data.Obs.Index[r]}' (row {r + 1})";

    private static string Text(float v) => v.ToString("G7", System.Globalization.CultureInfo.InvariantCulture);

    private static string Fault(float v) => float.IsNaN(v) ? "is missing" : float.IsInfinity(v) ? "is infinite" : v < 0 ? "is negative" : "is a fraction";

    private static string Hint(AnnotatedData data, string slot)
    {
        string[] elsewhere = [.. Slots(data).Where(s => s.Slot != slot && HoldsCounts(s.Matrix)).Select(s => s.Slot)];
        if (elsewhere.FirstOrDefault(s => s.StartsWith("layers/", StringComparison.Ordinal)) is { } layer) return $"; {layer} holds raw counts, so choose that layer";
        if (elsewhere.Contains("X")) return "; X holds raw counts, so leave the layer out";
        if (elsewhere.Contains("raw/X")) return "; raw/X holds raw counts, so write a file with them as X (scanpy: adata.raw.to_adata())";
        return "; no other matrix of the file holds any, so go back to the file before normalisation";
    }
}
