using System.Numerics;

namespace Cellcast.AnnData;

/// <summary>What both sparse matrices do with their three arrays.</summary>
internal static class Csr
{
    /// <summary>What is wrong with the parts of a matrix, in words; null when nothing is.</summary>
    internal static string? Problem(int rows, int columns, long[] indPtr, int[] indices, long valueCount, bool requireSorted)
    {
        ArgumentNullException.ThrowIfNull(indPtr);
        ArgumentNullException.ThrowIfNull(indices);
        if (indPtr.LongLength != rows + 1L) return $"indptr has {indPtr.LongLength} entries, expected {rows + 1L} (rows + 1)";
        if (indPtr[0] != 0) return $"indptr starts with {indPtr[0]} instead of 0";
        for (int r = 0; r < rows; r++)
            if (indPtr[r + 1] < indPtr[r]) return $"indptr falls from {indPtr[r]} to {indPtr[r + 1]} at row {r}";
        if (indPtr[rows] != indices.LongLength) return $"indptr ends with {indPtr[rows]}, but there are {indices.LongLength} indices";
        if (valueCount != indices.LongLength) return $"there are {indices.LongLength} indices but {valueCount} values";
        for (int r = 0; r < rows; r++)
        {
            int previous = -1;
            for (long k = indPtr[r]; k < indPtr[r + 1]; k++)
            {
                int c = indices[k];
                if ((uint)c >= (uint)columns) return $"row {r} has index {c}, outside 0 … {columns - 1}";
                if (requireSorted && c <= previous) return $"row {r} has its indices unsorted or repeated";
                previous = c;
            }
        }
        return null;
    }

    /// <summary>Sorts each row by column and adds repeats up; the arrays are changed in place and shortened if repeats were found.</summary>
    internal static void Canonicalise<T>(int rows, long[] indPtr, ref int[] indices, ref T[] values) where T : unmanaged, INumber<T>
    {
        long write = 0, start = 0;
        for (int r = 0; r < rows; r++)
        {
            long end = indPtr[r + 1];
            Span<int> idx = indices.AsSpan((int)start, (int)(end - start));
            Span<T> val = values.AsSpan((int)start, (int)(end - start));
            bool canonical = true;
            for (int k = 1; k < idx.Length && canonical; k++) canonical = idx[k] > idx[k - 1];
            // The sort must be stable for sums to be the same whatever the sorting algorithm: order by (column, position).
            if (!canonical) StableSort(idx, val);
            long first = write;
            for (int k = 0; k < idx.Length; k++)
            {
                if (write > first && indices[write - 1] == idx[k]) values[write - 1] += val[k];
                else (indices[write], values[write++]) = (idx[k], val[k]);
            }
            start = end;
            indPtr[r + 1] = write;
        }
        if (write == indices.LongLength) return;
        indices = indices[..(int)write];
        values = values[..(int)write];
    }

    private static void StableSort<T>(Span<int> indices, Span<T> values) where T : unmanaged
    {
        var keys = new long[indices.Length];
        for (int k = 0; k < keys.Length; k++) keys[k] = (long)indices[k] << 32 | (uint)k;
        Array.Sort(keys);
        T[] old = values.ToArray();
        for (int k = 0; k < keys.Length; k++) (indices[k], values[k]) = ((int)(keys[k] >> 32), old[(int)keys[k]]);
    }

    internal static (long[], int[], T[]) SelectRows<T>(long[] indPtr, int[] indices, T[] values, ReadOnlySpan<int> rows)
    {
        var p = new long[rows.Length + 1];
        for (int i = 0; i < rows.Length; i++) p[i + 1] = p[i] + indPtr[rows[i] + 1] - indPtr[rows[i]];
        var (newIndices, newValues) = (new int[p[^1]], new T[p[^1]]);
        for (int i = 0; i < rows.Length; i++)
        {
            long from = indPtr[rows[i]], n = p[i + 1] - p[i];
            Array.Copy(indices, from, newIndices, p[i], n);
            Array.Copy(values, from, newValues, p[i], n);
        }
        return (p, newIndices, newValues);
    }

    internal static (long[], int[], T[]) SelectColumns<T>(int rows, int columns, long[] indPtr, int[] indices, T[] values, ReadOnlySpan<int> chosen)
    {
        var place = new int[columns];
        Array.Fill(place, -1);
        bool rising = true;
        for (int i = 0; i < chosen.Length; i++)
        {
            if (place[chosen[i]] >= 0) throw new ArgumentException($"column {chosen[i]} was chosen twice", nameof(chosen));
            place[chosen[i]] = i;
            rising &= i == 0 || chosen[i] > chosen[i - 1];
        }
        var p = new long[rows + 1];
        for (int r = 0; r < rows; r++)
        {
            long n = 0;
            for (long k = indPtr[r]; k < indPtr[r + 1]; k++)
                if (place[indices[k]] >= 0) n++;
            p[r + 1] = p[r] + n;
        }
        var (newIndices, newValues) = (new int[p[rows]], new T[p[rows]]);
        for (int r = 0; r < rows; r++)
        {
            long w = p[r];
            for (long k = indPtr[r]; k < indPtr[r + 1]; k++)
                if (place[indices[k]] is >= 0 and var c) (newIndices[w], newValues[w++]) = (c, values[k]);
            if (!rising) Array.Sort(newIndices, newValues, (int)p[r], (int)(p[r + 1] - p[r]));
        }
        return (p, newIndices, newValues);
    }

    /// <summary>Counting sort by column; rows of the result are canonical whatever the order within the rows of the input.</summary>
    internal static (long[], int[], T[]) Transpose<T>(int rows, int columns, long[] indPtr, int[] indices, T[] values)
    {
        var p = new long[columns + 1];
        foreach (int c in indices) p[c + 1]++;
        for (int c = 0; c < columns; c++) p[c + 1] += p[c];
        long[] next = p[..columns];
        var (newIndices, newValues) = (new int[indices.LongLength], new T[indices.LongLength]);
        for (int r = 0; r < rows; r++)
            for (long k = indPtr[r]; k < indPtr[r + 1]; k++)
            {
                long w = next[indices[k]]++;
                (newIndices[w], newValues[w]) = (r, values[k]);
            }
        return (p, newIndices, newValues);
    }
}
