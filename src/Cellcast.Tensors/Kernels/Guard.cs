using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels;

/// <summary>Argument checks shared by the kernels: one comparison each on the way in, none inside.</summary>
internal static class Guard
{
    public static void Length(int actual, long needed, [CallerArgumentExpression(nameof(actual))] string name = "")
    {
        if (actual < needed) Throw(actual, needed, name);
    }

    public static void SameLength(int a, int b, [CallerArgumentExpression(nameof(a))] string nameA = "", [CallerArgumentExpression(nameof(b))] string nameB = "")
    {
        if (a != b) throw new ArgumentException($"{nameA} is {a} and {nameB} is {b}; they must be equal");
    }

    /// <summary>A matrix without gaps.</summary>
    public static void Rows(int actual, int rows, int columns, [CallerArgumentExpression(nameof(actual))] string name = "")
    {
        if (rows < 0 || columns < 0) throw new ArgumentException($"{name}: {rows} x {columns} is no matrix");
        Length(actual, (long)rows * columns, name);
    }

    /// <summary>Numbers of rows, columns or points: each at least 0 and below a limit.</summary>
    public static void Below(ReadOnlySpan<int> numbers, int limit, [CallerArgumentExpression(nameof(numbers))] string name = "")
    {
        int i = 0;
        var most = new Vector<uint>((uint)Math.Max(0, limit));
        for (; i <= numbers.Length - Vector<uint>.Count; i += Vector<uint>.Count)
            if (Vector.GreaterThanOrEqualAny(Vector.AsVectorUInt32(new Vector<int>(numbers[i..])), most)) break;
        for (; i < numbers.Length; i++)
            if ((uint)numbers[i] >= (uint)Math.Max(0, limit)) throw new ArgumentException($"{name}: number {i} is {numbers[i]}, from 0 to {limit - 1} are allowed");
    }

    /// <summary>Chosen rows of a sparse matrix: row numbers, where the rows begin and end, and the columns of their entries.</summary>
    public static void Sparse(in CsrView x, ReadOnlySpan<int> rows, [CallerArgumentExpression(nameof(x))] string name = "")
    {
        foreach (int r in rows)
        {
            if ((uint)r >= (uint)x.Rows) throw new ArgumentOutOfRangeException(nameof(rows), r, $"the matrix has {x.Rows} rows");
            long from = x.RowStart[r] - x.Offset, to = x.RowStart[r + 1] - x.Offset;
            if (from < 0 || to < from || to > x.Values.Length) throw new ArgumentException($"{name}: row {r} is said to lie at entries {from} to {to} of {x.Values.Length}");
            Below(x.ColumnIndices.Slice((int)from, (int)(to - from)), x.Columns, name);
        }
    }

    public static void Matrix(int actual, int rows, int columns, int stride, [CallerArgumentExpression(nameof(actual))] string name = "")
    {
        if (rows < 0 || columns < 0 || stride < columns) throw new ArgumentException($"{name}: {rows} x {columns} with {stride} elements from row to row is no matrix");
        if (rows > 0 && columns > 0) Length(actual, ((long)rows - 1) * stride + columns, name);
    }

    private static void Throw(int actual, long needed, string name) => throw new ArgumentException($"{name} is {actual}, at least {needed} needed");
}
