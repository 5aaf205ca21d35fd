namespace Cellcast.AnnData.Tables;

/// <summary>Adds up columns that belong to one gene.</summary>
public static class GeneSums
{
    /// <summary>Adds up columns of equal name; genes come in the order of their first column, whose descriptions are kept.</summary>
    /// <param name="x">Samples x columns.</param>
    /// <param name="var">Descriptions of the columns.</param>
    /// <param name="names">Gene of each column; null for a column that is to be left out.</param>
    public static (SparseMatrix X, DataFrame Var) ByName(SparseMatrix x, DataFrame var, IReadOnlyList<string?> names)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(var);
        ArgumentNullException.ThrowIfNull(names);
        var place = new Dictionary<string, int>(StringComparer.Ordinal);
        var group = new int[names.Count];
        var first = new List<int>();
        for (int c = 0; c < group.Length; c++)
        {
            if (names[c] is not { } name)
            {
                group[c] = -1;
                continue;
            }
            if (!place.TryGetValue(name, out group[c]))
            {
                group[c] = place[name] = first.Count;
                first.Add(c);
            }
        }
        var frame = CountTable.WithIndex(var.Select([.. first]), [.. first.Select(c => names[c]!)]);
        return (ByGroup(x, group, first.Count), frame);
    }

    // Sums are taken in double precision: exact for counts whose total is below 2^53, in whatever order.
    private static SparseMatrix ByGroup(SparseMatrix x, int[] group, int groups)
    {
        var indPtr = new long[x.Rows + 1];
        var indices = new List<int>();
        var values = new List<float>();
        var sum = new double[groups];
        var touched = new List<int>();
        var isTouched = new bool[groups];
        for (int r = 0; r < x.Rows; r++)
        {
            var columns = x.RowIndices(r);
            var row = x.RowValues(r);
            for (int k = 0; k < columns.Length; k++)
            {
                int g = group[columns[k]];
                if (g < 0) continue;
                if (!isTouched[g])
                {
                    isTouched[g] = true;
                    touched.Add(g);
                }
                sum[g] += row[k];
            }
            touched.Sort();
            foreach (int g in touched)
            {
                if (sum[g] != 0)
                {
                    indices.Add(g);
                    values.Add((float)sum[g]);
                }
                sum[g] = 0;
                isTouched[g] = false;
            }
            touched.Clear();
            indPtr[r + 1] = indices.Count;
        }
        return new SparseMatrix(x.Rows, groups, indPtr, [.. indices], [.. values]);
    }
}
