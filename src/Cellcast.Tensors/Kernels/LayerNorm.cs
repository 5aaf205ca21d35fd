using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Layer normalisation over the columns of each row: PyTorch's without scale and shift, and scRobust's.</summary>
public static unsafe class LayerNorm
{
    /// <summary>Y = (X - mean) / sqrt(var + eps), var the population variance of the row. In place is allowed.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">rows x columns.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="epsilon">Added to the variance; PyTorch's default is 1e-5.</param>
    /// <param name="y">rows x columns.</param>
    /// <param name="inverseSd">rows values, 1 / sqrt(var + eps), which the backward pass needs; or empty.</param>
    public static void Forward(Workers workers, ReadOnlySpan<float> x, int rows, int columns, float epsilon, Span<float> y, Span<float> inverseSd)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Rows(y.Length, rows, columns);
        if (!inverseSd.IsEmpty) Guard.Length(inverseSd.Length, rows);
        fixed (float* px = x, py = y, ps = inverseSd)
            RowKernel<ForwardRow>.For(workers, new ForwardRow { X = px, Y = py, InverseSd = ps, Columns = columns, Epsilon = epsilon }, rows, columns);
    }

    /// <summary>Gradient of <see cref="Forward"/>: dX = inverseSd (dY - mean(dY) - Y mean(dY o Y)). In place on dY is allowed.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="y">Output of the forward pass.</param>
    /// <param name="inverseSd">From the forward pass.</param>
    /// <param name="dy">Gradient with respect to Y.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="dx">Gradient with respect to X.</param>
    /// <param name="accumulate">Add to dX instead of replacing it.</param>
    public static void Backward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> inverseSd, ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, bool accumulate = false)
    {
        Guard.Rows(y.Length, rows, columns);
        Guard.Rows(dy.Length, rows, columns);
        Guard.Rows(dx.Length, rows, columns);
        Guard.Length(inverseSd.Length, rows);
        fixed (float* py = y, ps = inverseSd, pdy = dy, pdx = dx)
            RowKernel<BackwardRow>.For(workers, new BackwardRow { Y = py, InverseSd = ps, DY = pdy, DX = pdx, Columns = columns, Accumulate = accumulate }, rows, columns);
    }

    /// <summary>scRobust's form: Y = scale o (X - mean) / (sd + eps) + shift, sd the unbiased standard deviation of the row.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">rows x columns, at least two columns.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="scale">One value per column.</param>
    /// <param name="shift">One value per column.</param>
    /// <param name="epsilon">Added to the standard deviation; scRobust's is 1e-6.</param>
    /// <param name="y">rows x columns.</param>
    /// <param name="mean">rows values for the backward pass, or empty.</param>
    /// <param name="sd">rows values, the standard deviation without eps, for the backward pass, or empty.</param>
    public static void ForwardUnbiased(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, float epsilon,
        Span<float> y, Span<float> mean, Span<float> sd)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Rows(y.Length, rows, columns);
        RequireDeviation(columns);
        Guard.Length(scale.Length, columns);
        Guard.Length(shift.Length, columns);
        if (!mean.IsEmpty) Guard.Length(mean.Length, rows);
        if (!sd.IsEmpty) Guard.Length(sd.Length, rows);
        fixed (float* px = x, py = y, pa = scale, pb = shift, pm = mean, ps = sd)
            RowKernel<UnbiasedRow>.For(workers, new UnbiasedRow { X = px, Y = py, Scale = pa, Shift = pb, Mean = pm, Sd = ps, Columns = columns, Epsilon = epsilon }, rows, columns);
    }

    /// <summary>Gradient of <see cref="ForwardUnbiased"/>. A row whose standard deviation is 0 gets the gradient of the mean alone.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Input of the forward pass.</param>
    /// <param name="mean">From the forward pass.</param>
    /// <param name="sd">From the forward pass.</param>
    /// <param name="scale">One value per column.</param>
    /// <param name="epsilon">As in the forward pass.</param>
    /// <param name="dy">Gradient with respect to Y.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="dx">Gradient with respect to X, or empty.</param>
    /// <param name="dscale">Gradient with respect to the scale, or empty.</param>
    /// <param name="dshift">Gradient with respect to the shift, or empty.</param>
    /// <param name="accumulate">Add to all three instead of replacing them.</param>
    public static void BackwardUnbiased(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> mean, ReadOnlySpan<float> sd, ReadOnlySpan<float> scale, float epsilon,
        ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, Span<float> dscale, Span<float> dshift, bool accumulate = false)
    {
        Guard.Rows(x.Length, rows, columns);
        Guard.Rows(dy.Length, rows, columns);
        RequireDeviation(columns);
        Guard.Length(mean.Length, rows);
        Guard.Length(sd.Length, rows);
        Guard.Length(scale.Length, columns);
        if (!dx.IsEmpty) Guard.Rows(dx.Length, rows, columns);
        if (!dscale.IsEmpty) Guard.Length(dscale.Length, columns);
        if (!dshift.IsEmpty) Guard.Length(dshift.Length, columns);
        fixed (float* px = x, pm = mean, ps = sd, pa = scale, pdy = dy, pdx = dx, pda = dscale, pdb = dshift)
        {
            if (pdx != null)
            {
                RowKernel<UnbiasedBackwardRow>.For(workers, new UnbiasedBackwardRow
                {
                    X = px,
                    Mean = pm,
                    Sd = ps,
                    Scale = pa,
                    DY = pdy,
                    DX = pdx,
                    Columns = columns,
                    Epsilon = epsilon,
                    Accumulate = accumulate,
                }, rows, columns);
            }
            if (pda == null && pdb == null) return;
            int pieces = Math.Max(1, (rows + ColumnGradients.RowsPerPiece - 1) / ColumnGradients.RowsPerPiece), groups = (columns + ColumnGradients.ColumnsPerBlock - 1) / ColumnGradients.ColumnsPerBlock;
            using Scratch partial = Scratch.Rent(2L * pieces * columns);
            workers.ForVectors(pieces * groups, new ColumnGradients
            {
                X = px,
                Mean = pm,
                Sd = ps,
                DY = pdy,
                Rows = rows,
                Columns = columns,
                Groups = groups,
                Pieces = pieces,
                Epsilon = epsilon,
                Partial = partial.Pointer,
            });
            AddPieces(partial.Pointer, pieces, columns, pda, accumulate);
            AddPieces(partial.Pointer + (nint)pieces * columns, pieces, columns, pdb, accumulate);
        }
    }

    private static void RequireDeviation(int columns)
    {
        if (columns < 2) throw new ArgumentException($"{columns} columns have no unbiased standard deviation; at least 2 are needed", nameof(columns));
    }

    private static void AddPieces(float* partial, int pieces, int columns, float* to, bool accumulate)
    {
        if (to == null) return;
        for (int c = 0; c < columns; c++)
        {
            double s = 0;
            for (int p = 0; p < pieces; p++) s += partial[(nint)p * columns + c];
            to[c] = (accumulate ? to[c] : 0f) + (float)s;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Part<T>(float* p, int left) where T : struct, IVec<T> => left >= T.Count ? T.Load(p) : T.LoadPartial(p, left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<T>(float* p, T value, int left) where T : struct, IVec<T>
    {
        if (left >= T.Count) T.Store(p, value);
        else T.StorePartial(p, value, left);
    }

    /// <summary>Mean and sum of squared deviations, in two passes. What the mean loses by being used in single precision is taken into account.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Moments<T>(float* x, int n, out double squares) where T : struct, IVec<T>
    {
        T sum = T.Zero, square = T.Zero;
        for (int i = 0; i < n; i += T.Count) sum += Part<T>(x + i, n - i);
        double mean = T.SumAcross(sum) / n;
        T centre = T.Create((float)mean);
        for (int i = 0; i < n; i += T.Count)
        {
            T d = Part<T>(x + i, n - i) - centre;
            if (n - i < T.Count) d &= T.FirstLanes(n - i);
            square = T.Fma(d, d, square);
        }
        double lost = mean - (float)mean;
        squares = Math.Max(0, T.SumAcross(square) - n * lost * lost);
        return mean;
    }

    private struct ForwardRow : IRowMap
    {
        public float* X, Y, InverseSd;
        public int Columns;
        public float Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            float* x = X + (nint)row * Columns, y = Y + (nint)row * Columns;
            double mean = Moments<T>(x, Columns, out double squares), inverse = 1 / Math.Sqrt(squares / Columns + Epsilon);
            if (InverseSd != null) InverseSd[row] = (float)inverse;
            T centre = T.Create((float)mean), f = T.Create((float)inverse), lost = T.Create((float)(((float)mean - mean) * inverse));
            for (int i = 0; i < Columns; i += T.Count) Put(y + i, T.Fma(Part<T>(x + i, Columns - i) - centre, f, lost), Columns - i);
        }
    }

    private struct BackwardRow : IRowMap
    {
        public float* Y, InverseSd, DY, DX;
        public int Columns;
        public bool Accumulate;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            nint start = (nint)row * Columns;
            float* y = Y + start, dy = DY + start, dx = DX + start;
            T sum = T.Zero, dot = T.Zero;
            for (int i = 0; i < Columns; i += T.Count)
            {
                T g = Part<T>(dy + i, Columns - i);
                sum += g;
                dot = T.Fma(g, Part<T>(y + i, Columns - i), dot);
            }
            T mean = T.Create((float)(T.SumAcross(sum) / Columns)), slope = T.Create((float)(-T.SumAcross(dot) / Columns)), f = T.Create(InverseSd[row]);
            for (int i = 0; i < Columns; i += T.Count)
            {
                int left = Columns - i;
                T g = f * T.Fma(slope, Part<T>(y + i, left), Part<T>(dy + i, left) - mean);
                Put(dx + i, Accumulate ? g + Part<T>(dx + i, left) : g, left);
            }
        }
    }

    private struct UnbiasedRow : IRowMap
    {
        public float* X, Y, Scale, Shift, Mean, Sd;
        public int Columns;
        public float Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            float* x = X + (nint)row * Columns, y = Y + (nint)row * Columns;
            double mean = Moments<T>(x, Columns, out double squares), sd = Math.Sqrt(squares / (Columns - 1));
            if (Mean != null) Mean[row] = (float)mean;
            if (Sd != null) Sd[row] = (float)sd;
            T centre = T.Create((float)mean), f = T.Create((float)(1 / (sd + Epsilon))), lost = T.Create((float)(((float)mean - mean) / (sd + Epsilon)));
            for (int i = 0; i < Columns; i += T.Count)
            {
                int left = Columns - i;
                Put(y + i, T.Fma(Part<T>(Scale + i, left), T.Fma(Part<T>(x + i, left) - centre, f, lost), Part<T>(Shift + i, left)), left);
            }
        }
    }

    private struct UnbiasedBackwardRow : IRowMap
    {
        public float* X, Mean, Sd, Scale, DY, DX;
        public int Columns;
        public float Epsilon;
        public bool Accumulate;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Row<T>(int row) where T : struct, IVec<T>
        {
            nint start = (nint)row * Columns;
            float* x = X + start, dy = DY + start, dx = DX + start;
            T sum = T.Zero, dot = T.Zero, centre = T.Create(Mean[row]);
            for (int i = 0; i < Columns; i += T.Count)
            {
                int left = Columns - i;
                T g = Part<T>(dy + i, left) * Part<T>(Scale + i, left);
                sum += g;
                // Beyond the end g is 0, so the deviation there does not matter.
                dot = T.Fma(g, Part<T>(x + i, left) - centre, dot);
            }
            double inverse = 1 / ((double)Sd[row] + Epsilon), k = Sd[row] > 0 ? T.SumAcross(dot) * inverse / (Sd[row] * (Columns - 1.0)) : 0;
            T mean = T.Create((float)(T.SumAcross(sum) / Columns)), slope = T.Create((float)-k), f = T.Create((float)inverse);
            for (int i = 0; i < Columns; i += T.Count)
            {
                int left = Columns - i;
                T g = f * T.Fma(slope, Part<T>(x + i, left) - centre, T.Fma(Part<T>(dy + i, left), Part<T>(Scale + i, left), -mean));
                Put(dx + i, Accumulate ? g + Part<T>(dx + i, left) : g, left);
            }
        }
    }

    /// <summary>Gradients of scale and shift. One block is a few columns of a fixed piece of the rows.</summary>
    private struct ColumnGradients : IVectorKernel
    {
        public const int RowsPerPiece = 1024;
        public const int ColumnsPerBlock = 64;

        public float* X, Mean, Sd, DY, Partial;
        public int Rows, Columns, Groups, Pieces;
        public float Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int piece = block / Groups, first = block % Groups * ColumnsPerBlock, last = Math.Min(Columns, first + ColumnsPerBlock);
            int r0 = piece * RowsPerPiece, r1 = Math.Min(Rows, r0 + RowsPerPiece);
            float* scale = stackalloc float[ColumnsPerBlock], shift = stackalloc float[ColumnsPerBlock];
            new Span<float>(scale, ColumnsPerBlock).Clear();
            new Span<float>(shift, ColumnsPerBlock).Clear();
            for (int r = r0; r < r1; r++)
            {
                // Along the row: neighbouring columns share cache lines.
                nint at = (nint)r * Columns + first;
                T mean = T.Create(Mean[r]), inverse = T.Create(1 / (Sd[r] + Epsilon));
                for (int c = 0; c < last - first; c += T.Count)
                {
                    T g = Part<T>(DY + at + c, last - first - c);
                    T.Store(shift + c, T.Load(shift + c) + g);
                    T.Store(scale + c, T.Fma(g, (Part<T>(X + at + c, last - first - c) - mean) * inverse, T.Load(scale + c)));
                }
            }
            new ReadOnlySpan<float>(scale, last - first).CopyTo(new Span<float>(Partial + (nint)piece * Columns + first, last - first));
            new ReadOnlySpan<float>(shift, last - first).CopyTo(new Span<float>(Partial + (nint)(Pieces + piece) * Columns + first, last - first));
        }
    }
}
