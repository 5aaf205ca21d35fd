using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Arithmetic on vectors and on matrices by row or by column. Outputs may be the same memory as inputs of the same shape.</summary>
public static unsafe class Elementwise
{
    /// <summary>y = a + b.</summary>
    public static void Add(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => Maps.Map<AddMap>(workers, a, b, y);

    /// <summary>y = a - b.</summary>
    public static void Subtract(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => Maps.Map<SubtractMap>(workers, a, b, y);

    /// <summary>y = a b.</summary>
    public static void Multiply(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => Maps.Map<MultiplyMap>(workers, a, b, y);

    /// <summary>y = a / b.</summary>
    public static void Divide(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => Maps.Map<DivideMap>(workers, a, b, y);

    /// <summary>y += a b, one rounding where the machine has a fused multiply-add.</summary>
    public static void MultiplyAdd(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => Maps.Map<MultiplyAddMap>(workers, a, b, y, y);

    /// <summary>y = scale x + shift.</summary>
    public static void Scale(Workers workers, float scale, ReadOnlySpan<float> x, Span<float> y, float shift = 0) => Maps.Map(workers, x, y, new AffineMap(scale, shift));

    /// <summary>y += alpha x.</summary>
    public static void Axpy(Workers workers, float alpha, ReadOnlySpan<float> x, Span<float> y) => Maps.Map(workers, x, y, y, new AxpyMap(alpha));

    /// <summary>Y[r, c] = X[r, c] + bias[c].</summary>
    public static void AddRowVector(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> bias, Span<float> y) =>
        ByColumn<AddMap>(workers, x, rows, columns, bias, y);

    /// <summary>Y[r, c] = X[r, c] factor[c].</summary>
    public static void ScaleColumns(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> factor, Span<float> y) =>
        ByColumn<MultiplyMap>(workers, x, rows, columns, factor, y);

    /// <summary>Y[r, c] = X[r, c] factor[r].</summary>
    public static void ScaleRows(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> factor, Span<float> y)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Rows(y.Length, rows, columns);
        Guard.Length(factor.Length, rows);
        fixed (float* px = x, pf = factor, py = y) RowKernel<RowScale>.For(workers, new RowScale { X = px, Factor = pf, Y = py, Columns = columns }, rows, columns);
    }

    private static void ByColumn<TMap>(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> vector, Span<float> y) where TMap : struct, IMap2
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Rows(y.Length, rows, columns);
        Guard.Length(vector.Length, columns);
        fixed (float* px = x, pv = vector, py = y) RowKernel<WithRowVector<TMap>>.For(workers, new WithRowVector<TMap> { X = px, Vector = pv, Y = py, Columns = columns }, rows, columns);
    }

    /// <summary>Y[i, :] = X[rows[i], :].</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Matrix to take rows from.</param>
    /// <param name="columns">Columns of X and Y.</param>
    /// <param name="rows">Row numbers in X, repeats allowed.</param>
    /// <param name="y">rows x columns.</param>
    public static void GatherRows(Workers workers, ReadOnlySpan<float> x, int columns, ReadOnlySpan<int> rows, Span<float> y)
    {
        Guard.Rows(y.Length, rows.Length, columns);
        CheckRows(rows, columns == 0 ? int.MaxValue : x.Length / columns);
        fixed (float* px = x, py = y)
        fixed (int* pr = rows) RowKernel<RowGather>.For(workers, new RowGather { X = px, Rows = pr, Y = py, Columns = columns }, rows.Length, columns);
    }

    /// <summary>Y[rows[i], :] += X[i, :], in the order of i for every row of Y.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">rows x columns.</param>
    /// <param name="columns">Columns of X and Y.</param>
    /// <param name="rows">Row numbers in Y, repeats allowed.</param>
    /// <param name="y">Matrix to add to.</param>
    public static void ScatterAddRows(Workers workers, ReadOnlySpan<float> x, int columns, ReadOnlySpan<int> rows, Span<float> y)
    {
        Guard.Rows(x.Length, rows.Length, columns);
        CheckRows(rows, columns == 0 ? int.MaxValue : y.Length / columns);
        // Every block takes a piece of the columns and all rows in order: no two blocks meet, however often a row repeats.
        fixed (float* px = x, py = y)
        fixed (int* pr = rows)
            workers.ForVectors((columns + RowScatter.ColumnsPerBlock - 1) / RowScatter.ColumnsPerBlock, new RowScatter { X = px, Rows = pr, Count = rows.Length, Columns = columns, Y = py });
    }

    private static void CheckRows(ReadOnlySpan<int> rows, int limit)
    {
        foreach (int r in rows)
            if ((uint)r >= (uint)limit) throw new ArgumentOutOfRangeException(nameof(rows), r, $"the matrix has {limit} rows");
    }

    private readonly struct AddMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => a + b;
    }

    private readonly struct SubtractMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => a - b;
    }

    private readonly struct MultiplyMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => a * b;
    }

    private readonly struct DivideMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => a / b;
    }

    private readonly struct MultiplyAddMap : IMap3
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b, T c) where T : struct, IVec<T> => T.Fma(a, b, c);
    }

    private readonly struct AffineMap(float scale, float shift) : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => T.Fma(T.Create(scale), a, T.Create(shift));
    }

    private readonly struct AxpyMap(float alpha) : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => T.Fma(T.Create(alpha), a, b);
    }

    private struct WithRowVector<TMap> : IRowMap where TMap : struct, IMap2
    {
        public float* X, Vector, Y;
        public int Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            TMap map = default;
            float* x = X + (nint)row * Columns, y = Y + (nint)row * Columns;
            int c = 0;
            for (; c <= Columns - T.Count; c += T.Count) T.Store(y + c, map.Apply(T.Load(x + c), T.Load(Vector + c)));
            if (c < Columns) T.StorePartial(y + c, map.Apply(T.LoadPartial(x + c, Columns - c), T.LoadPartial(Vector + c, Columns - c)), Columns - c);
        }
    }

    private struct RowScale : IRowMap
    {
        public float* X, Factor, Y;
        public int Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            float* x = X + (nint)row * Columns, y = Y + (nint)row * Columns;
            T f = T.Create(Factor[row]);
            int c = 0;
            for (; c <= Columns - T.Count; c += T.Count) T.Store(y + c, T.Load(x + c) * f);
            if (c < Columns) T.StorePartial(y + c, T.LoadPartial(x + c, Columns - c) * f, Columns - c);
        }
    }

    private struct RowGather : IRowMap
    {
        public float* X, Y;
        public int* Rows;
        public int Columns;

        public readonly void Row<T>(int row) where T : struct, IVec<T> =>
            new ReadOnlySpan<float>(X + (nint)Rows[row] * Columns, Columns).CopyTo(new Span<float>(Y + (nint)row * Columns, Columns));
    }

    private struct RowScatter : IVectorKernel
    {
        public const int ColumnsPerBlock = 64;
        public float* X, Y;
        public int* Rows;
        public int Count, Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int first = block * ColumnsPerBlock, width = Math.Min(ColumnsPerBlock, Columns - first);
            for (int i = 0; i < Count; i++)
            {
                float* x = X + (nint)i * Columns + first, y = Y + (nint)Rows[i] * Columns + first;
                int c = 0;
                for (; c <= width - T.Count; c += T.Count) T.Store(y + c, T.Load(y + c) + T.Load(x + c));
                if (c < width) T.StorePartial(y + c, T.LoadPartial(y + c, width - c) + T.LoadPartial(x + c, width - c), width - c);
            }
        }
    }
}
