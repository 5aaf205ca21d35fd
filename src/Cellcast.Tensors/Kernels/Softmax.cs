using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Softmax and log-sum-exp over the rows or the columns of a row-major matrix, with the maximum taken out. NaN anywhere in a line makes all of it NaN.</summary>
public static unsafe class Softmax
{
    /// <summary>Y[r, :] = softmax(X[r, :]): every row sums to one. In place is allowed.</summary>
    public static void Rows(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Rows(y.Length, rows, columns);
        fixed (float* px = x, py = y) RowKernel<RowForward>.For(workers, new RowForward { X = px, Y = py, Columns = columns }, rows, columns);
    }

    /// <summary>dX = Y o (dY - rowsum(dY o Y)): the gradient of <see cref="Rows"/> given its output. In place on dY is allowed.</summary>
    public static void RowsBackward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, bool accumulate = false)
    {
        Guard.Rows(y.Length, rows, columns);
        Guard.Rows(dy.Length, rows, columns);
        Guard.Rows(dx.Length, rows, columns);
        fixed (float* py = y, pdy = dy, pdx = dx)
            RowKernel<RowBackward>.For(workers, new RowBackward { Y = py, DY = pdy, DX = pdx, Columns = columns, Accumulate = accumulate }, rows, columns);
    }

    /// <summary>Y[:, c] = softmax(X[:, c]): every column sums to one, e.g. over the cells of a batch for each patient. In place is allowed.</summary>
    public static void Columns(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Rows(y.Length, rows, columns);
        fixed (float* px = x, py = y) workers.ForVectors(ColumnForward.Blocks(columns), new ColumnForward { X = px, Y = py, Rows = rows, Columns = columns });
    }

    /// <summary>dX = Y o (dY - columnsum(dY o Y)): the gradient of <see cref="Columns"/> given its output. In place on dY is allowed.</summary>
    public static void ColumnsBackward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, bool accumulate = false)
    {
        Guard.Rows(y.Length, rows, columns);
        Guard.Rows(dy.Length, rows, columns);
        Guard.Rows(dx.Length, rows, columns);
        fixed (float* py = y, pdy = dy, pdx = dx)
            workers.ForVectors(ColumnForward.Blocks(columns), new ColumnBackward { Y = py, DY = pdy, DX = pdx, Rows = rows, Columns = columns, Accumulate = accumulate });
    }

    /// <summary>y[r] = log sum over columns of exp(X[r, c]).</summary>
    public static void RowsLogSumExp(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Length(y.Length, rows);
        fixed (float* px = x, py = y) RowKernel<RowLogSum>.For(workers, new RowLogSum { X = px, Y = py, Columns = columns }, rows, columns);
    }

    /// <summary>y[c] = log sum over rows of exp(X[r, c]).</summary>
    public static void ColumnsLogSumExp(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Length(y.Length, columns);
        fixed (float* px = x, py = y) workers.ForVectors(ColumnForward.Blocks(columns), new ColumnForward { X = px, LogSum = py, Rows = rows, Columns = columns });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float RowMax<T>(float* x, int n) where T : struct, IVec<T>
    {
        T max = T.Create(float.NegativeInfinity);
        float m = float.NegativeInfinity;
        int i = 0;
        for (; i <= n - T.Count; i += T.Count) max = T.Max(max, T.Load(x + i));
        for (; i < n; i++) m = MathF.Max(m, x[i]);
        return MathF.Max(m, T.MaxAcross(max));
    }

    /// <summary>Sum of exp(x - max); the terms go to y where that is not null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double RowExp<T>(float* x, float max, float* y, int n) where T : struct, IVec<T>
    {
        T m = T.Create(max);
        Compensated<T> sum = default;
        for (int i = 0; i < n; i += T.Count)
        {
            int left = n - i;
            T e = VectorFunctions.Exp((left >= T.Count ? T.Load(x + i) : T.LoadPartial(x + i, left)) - m);
            if (left >= T.Count)
            {
                sum.Add(e);
                if (y != null) T.Store(y + i, e);
                continue;
            }
            e &= T.FirstLanes(left);
            sum.Add(e);
            if (y != null) T.StorePartial(y + i, e, left);
        }
        return sum.Total;
    }

    private struct RowForward : IRowMap
    {
        public float* X, Y;
        public int Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            float* x = X + (nint)row * Columns, y = Y + (nint)row * Columns;
            double sum = RowExp<T>(x, RowMax<T>(x, Columns), y, Columns);
            T f = T.Create((float)(1 / sum));
            int i = 0;
            for (; i <= Columns - T.Count; i += T.Count) T.Store(y + i, T.Load(y + i) * f);
            if (i < Columns) T.StorePartial(y + i, T.LoadPartial(y + i, Columns - i) * f, Columns - i);
        }
    }

    private struct RowLogSum : IRowMap
    {
        public float* X, Y;
        public int Columns;

        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            float* x = X + (nint)row * Columns;
            float max = RowMax<T>(x, Columns);
            Y[row] = float.IsInfinity(max) ? max : (float)(max + Math.Log(RowExp<T>(x, max, null, Columns)));
        }
    }

    private struct RowBackward : IRowMap
    {
        public float* Y, DY, DX;
        public int Columns;
        public bool Accumulate;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            nint start = (nint)row * Columns;
            float* y = Y + start, dy = DY + start, dx = DX + start;
            Compensated<T> sum = default;
            for (int i = 0; i < Columns; i += T.Count)
            {
                int left = Columns - i;
                sum.Add(left >= T.Count ? T.Load(y + i) * T.Load(dy + i) : T.LoadPartial(y + i, left) * T.LoadPartial(dy + i, left));
            }
            T dot = T.Create((float)sum.Total);
            for (int i = 0; i < Columns; i += T.Count)
            {
                int left = Columns - i;
                bool whole = left >= T.Count;
                T g = (whole ? T.Load(y + i) : T.LoadPartial(y + i, left)) * ((whole ? T.Load(dy + i) : T.LoadPartial(dy + i, left)) - dot);
                if (Accumulate) g += whole ? T.Load(dx + i) : T.LoadPartial(dx + i, left);
                if (whole) T.Store(dx + i, g);
                else T.StorePartial(dx + i, g, left);
            }
        }
    }

    /// <summary>One block is a few columns over all rows; three passes over them, all but the first from cache.</summary>
    private struct ColumnForward : IVectorKernel
    {
        public const int ColumnsPerBlock = 32;

        public float* X, Y, LogSum;
        public int Rows, Columns;

        public static int Blocks(int columns) => (columns + ColumnsPerBlock - 1) / ColumnsPerBlock;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int last = Math.Min(Columns, (block + 1) * ColumnsPerBlock);
            for (int c = block * ColumnsPerBlock; c < last; c += T.Count) Group<T>(c, Math.Min(T.Count, last - c));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Group<T>(int c, int width) where T : struct, IVec<T>
        {
            bool whole = width == T.Count;
            float* x = X + c;
            T max = T.Create(float.NegativeInfinity);
            Compensated<T> terms = default;
            for (int r = 0; r < Rows; r++) max = T.Max(max, whole ? T.Load(x + (nint)r * Columns) : T.LoadPartial(x + (nint)r * Columns, width));
            for (int r = 0; r < Rows; r++)
            {
                nint at = (nint)r * Columns;
                T e = VectorFunctions.Exp((whole ? T.Load(x + at) : T.LoadPartial(x + at, width)) - max);
                terms.Add(e);
                if (Y == null) continue;
                if (whole) T.Store(Y + c + at, e);
                else T.StorePartial(Y + c + at, e, width);
            }
            T sum = terms.Value;
            if (LogSum != null) StoreLog(max, sum, c, width);
            if (Y == null) return;
            T f = T.Create(1f) / sum;
            for (int r = 0; r < Rows; r++)
            {
                float* y = Y + c + (nint)r * Columns;
                if (whole) T.Store(y, T.Load(y) * f);
                else T.StorePartial(y, T.LoadPartial(y, width) * f, width);
            }
        }

        private readonly void StoreLog<T>(T max, T sum, int c, int width) where T : struct, IVec<T>
        {
            float* m = stackalloc float[16], s = stackalloc float[16];
            T.Store(m, max);
            T.Store(s, sum);
            for (int j = 0; j < width; j++) LogSum[c + j] = float.IsInfinity(m[j]) ? m[j] : (float)(m[j] + Math.Log(s[j]));
        }
    }

    private struct ColumnBackward : IVectorKernel
    {
        public float* Y, DY, DX;
        public int Rows, Columns;
        public bool Accumulate;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int last = Math.Min(Columns, (block + 1) * ColumnForward.ColumnsPerBlock);
            for (int c = block * ColumnForward.ColumnsPerBlock; c < last; c += T.Count)
            {
                int width = Math.Min(T.Count, last - c);
                bool whole = width == T.Count;
                Compensated<T> products = default;
                for (int r = 0; r < Rows; r++)
                {
                    nint at = (nint)r * Columns + c;
                    T p = whole ? T.Load(Y + at) * T.Load(DY + at) : T.LoadPartial(Y + at, width) * T.LoadPartial(DY + at, width);
                    products.Add(p);
                }
                T dot = products.Value;
                for (int r = 0; r < Rows; r++)
                {
                    nint at = (nint)r * Columns + c;
                    T g = (whole ? T.Load(Y + at) : T.LoadPartial(Y + at, width)) * ((whole ? T.Load(DY + at) : T.LoadPartial(DY + at, width)) - dot);
                    if (Accumulate) g += whole ? T.Load(DX + at) : T.LoadPartial(DX + at, width);
                    if (whole) T.Store(DX + at, g);
                    else T.StorePartial(DX + at, g, width);
                }
            }
        }
    }
}
