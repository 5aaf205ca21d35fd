using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Sums in a fixed order that does not depend on the number of threads, with their rounding errors carried along: as good as accumulated in
/// double precision (products are rounded to float32 before they are added).</summary>
public static unsafe class Reductions
{
    /// <summary>Sum of all elements.</summary>
    public static double Sum(Workers workers, ReadOnlySpan<float> x)
    {
        fixed (float* p = x) return Total(workers, p, null, x.Length);
    }

    /// <summary>Sum of a[i] b[i].</summary>
    public static double Dot(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Guard.SameLength(a.Length, b.Length);
        fixed (float* pa = a, pb = b) return Total(workers, pa, pb, a.Length);
    }

    /// <summary>Largest element; NaN if any is NaN, negative infinity if there is none.</summary>
    public static float Max(Workers workers, ReadOnlySpan<float> x)
    {
        int blocks = Maps.Blocks(x.Length);
        using Scratch partial = Scratch.Rent(blocks);
        fixed (float* p = x) workers.ForVectors(blocks, new MaxKernel { X = p, Length = x.Length, Partial = partial.Pointer });
        float m = float.NegativeInfinity;
        for (int b = 0; b < blocks; b++) m = MathF.Max(m, partial.Pointer[b]);
        return m;
    }

    /// <summary>y[c] = sum over rows of X[r, c], or y[c] += it.</summary>
    public static void ColumnSums(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y, bool accumulate = false)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Length(y.Length, columns);
        fixed (float* px = x, py = y) Columns(workers, px, null, rows, columns, py, accumulate);
    }

    /// <summary>y[c] = sum over rows of A[r, c] B[r, c], or y[c] += it: the gradient of a factor per column.</summary>
    public static void ColumnDots(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, int rows, int columns, Span<float> y, bool accumulate = false)
    {
        Guard.Rows(a.Length, rows, columns);
        Guard.Rows(b.Length, rows, columns);
        Guard.Length(y.Length, columns);
        fixed (float* pa = a, pb = b, py = y) Columns(workers, pa, pb, rows, columns, py, accumulate);
    }

    /// <summary>y[r] = sum over columns of X[r, c], or y[r] += it.</summary>
    public static void RowSums(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y, bool accumulate = false)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Length(y.Length, rows);
        fixed (float* px = x, py = y) RowKernel<RowTotal>.For(workers, new RowTotal { A = px, Columns = columns, Y = py, Accumulate = accumulate }, rows, columns);
    }

    /// <summary>y[r] = sum over columns of A[r, c] B[r, c], or y[r] += it: the gradient of a factor per row.</summary>
    public static void RowDots(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, int rows, int columns, Span<float> y, bool accumulate = false)
    {
        Guard.Rows(a.Length, rows, columns);
        Guard.Rows(b.Length, rows, columns);
        Guard.Length(y.Length, rows);
        fixed (float* pa = a, pb = b, py = y) RowKernel<RowTotal>.For(workers, new RowTotal { A = pa, B = pb, Columns = columns, Y = py, Accumulate = accumulate }, rows, columns);
    }

    private static double Total(Workers workers, float* a, float* b, int length)
    {
        int blocks = Maps.Blocks(length);
        using Scratch partial = Scratch.Rent(2L * blocks);
        double* sums = (double*)partial.Pointer;
        workers.ForVectors(blocks, new TotalKernel { A = a, B = b, Length = length, Partial = sums });
        double s = 0;
        for (int i = 0; i < blocks; i++) s += sums[i];
        return s;
    }

    private static void Columns(Workers workers, float* a, float* b, int rows, int columns, float* y, bool accumulate)
    {
        int pieces = Math.Max(1, (rows + ColumnKernel.RowsPerPiece - 1) / ColumnKernel.RowsPerPiece), groups = (columns + ColumnKernel.ColumnsPerBlock - 1) / ColumnKernel.ColumnsPerBlock;
        using Scratch partial = Scratch.Rent(2L * pieces * columns);
        double* sums = (double*)partial.Pointer;
        workers.ForVectors(pieces * groups, new ColumnKernel { A = a, B = b, Rows = rows, Columns = columns, Groups = groups, Partial = sums });
        for (int c = 0; c < columns; c++)
        {
            double s = 0;
            for (int p = 0; p < pieces; p++) s += sums[(long)p * columns + c];
            y[c] = (accumulate ? y[c] : 0f) + (float)s;
        }
    }

    /// <summary>Compensated sum of a, or of a b, over a stretch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Stretch<T>(float* a, float* b, int length) where T : struct, IVec<T>
    {
        Compensated<T> even = default, odd = default;
        int i = 0;
        if (b == null)
        {
            for (; i <= length - 2 * T.Count; i += 2 * T.Count)
            {
                even.Add(T.Load(a + i));
                odd.Add(T.Load(a + i + T.Count));
            }
            for (; i < length; i += T.Count) even.Add(i <= length - T.Count ? T.Load(a + i) : T.LoadPartial(a + i, length - i));
        }
        else
        {
            for (; i <= length - 2 * T.Count; i += 2 * T.Count)
            {
                even.Add(T.Load(a + i) * T.Load(b + i));
                odd.Add(T.Load(a + i + T.Count) * T.Load(b + i + T.Count));
            }
            for (; i < length; i += T.Count)
                even.Add(i <= length - T.Count ? T.Load(a + i) * T.Load(b + i) : T.LoadPartial(a + i, length - i) * T.LoadPartial(b + i, length - i));
        }
        return even.Total + odd.Total;
    }

    private struct TotalKernel : IVectorKernel
    {
        public float* A, B;
        public int Length;
        public double* Partial;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int first = block * Maps.BlockLength;
            Partial[block] = Stretch<T>(A + first, B == null ? null : B + first, Math.Min(Maps.BlockLength, Length - first));
        }
    }

    private struct RowTotal : IRowMap
    {
        public float* A, B, Y;
        public int Columns;
        public bool Accumulate;

        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            nint start = (nint)row * Columns;
            Y[row] = (Accumulate ? Y[row] : 0f) + (float)Stretch<T>(A + start, B == null ? null : B + start, Columns);
        }
    }

    private struct MaxKernel : IVectorKernel
    {
        public float* X, Partial;
        public int Length;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int i = block * Maps.BlockLength, end = Math.Min(Length, i + Maps.BlockLength);
            T max = T.Create(float.NegativeInfinity), unordered = T.Zero;
            float last = float.NegativeInfinity;
            for (; i <= end - T.Count; i += T.Count)
            {
                T x = T.Load(X + i);
                max = T.Max(max, x);
                unordered |= T.Equal(x, x) ^ T.CreateBits(-1);
            }
            for (; i < end; i++) last = MathF.Max(last, X[i]);
            Partial[block] = T.Any(unordered) ? float.NaN : MathF.Max(last, T.MaxAcross(max));
        }
    }

    private struct ColumnKernel : IVectorKernel
    {
        public const int RowsPerPiece = 2048;
        public const int ColumnsPerBlock = 64;

        public float* A, B;
        public int Rows, Columns, Groups;
        public double* Partial;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int piece = block / Groups, first = block % Groups * ColumnsPerBlock, last = Math.Min(Columns, first + ColumnsPerBlock);
            int r0 = piece * RowsPerPiece, r1 = Math.Min(Rows, r0 + RowsPerPiece);
            double* to = Partial + (long)piece * Columns;
            int c = first;
            for (; c <= last - 4 * T.Count; c += 4 * T.Count) Four<T>(r0, r1, c, to + c);
            for (; c < last; c += T.Count) One<T>(r0, r1, c, Math.Min(T.Count, last - c), to + c);
        }

        /// <summary>Four vectors side by side: whole cache lines of neighbouring columns for every row.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Four<T>(int r0, int r1, int c, double* to) where T : struct, IVec<T>
        {
            Compensated<T> s0 = default, s1 = default, s2 = default, s3 = default;
            for (int r = r0; r < r1; r++)
            {
                float* a = A + (nint)r * Columns + c;
                T x0 = T.Load(a), x1 = T.Load(a + T.Count), x2 = T.Load(a + 2 * T.Count), x3 = T.Load(a + 3 * T.Count);
                if (B != null)
                {
                    float* b = B + (nint)r * Columns + c;
                    x0 *= T.Load(b);
                    x1 *= T.Load(b + T.Count);
                    x2 *= T.Load(b + 2 * T.Count);
                    x3 *= T.Load(b + 3 * T.Count);
                }
                s0.Add(x0);
                s1.Add(x1);
                s2.Add(x2);
                s3.Add(x3);
            }
            s0.CopyTo(to, T.Count);
            s1.CopyTo(to + T.Count, T.Count);
            s2.CopyTo(to + 2 * T.Count, T.Count);
            s3.CopyTo(to + 3 * T.Count, T.Count);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void One<T>(int r0, int r1, int c, int width, double* to) where T : struct, IVec<T>
        {
            Compensated<T> sum = default;
            for (int r = r0; r < r1; r++)
            {
                nint at = (nint)r * Columns + c;
                T x = width == T.Count ? T.Load(A + at) : T.LoadPartial(A + at, width);
                if (B != null) x *= width == T.Count ? T.Load(B + at) : T.LoadPartial(B + at, width);
                sum.Add(x);
            }
            sum.CopyTo(to, width);
        }
    }
}
