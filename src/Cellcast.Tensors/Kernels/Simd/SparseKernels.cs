using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Sparse times dense. One block is some rows; it goes over the dense matrix in pieces that stay in a second-level cache.</summary>
internal unsafe struct SparseForward : IVectorKernel
{
    public const int RowsPerBlock = 64;
    public const int ColumnsPerBlock = 1024;

    public int Rows, ColumnBlocks, H;
    public int* Starts;
    public int* Columns;
    public float* Values;
    public float* W;
    public float* Bias;
    public float* Y;

    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int first = block * RowsPerBlock, rows = Math.Min(RowsPerBlock, Rows - first), stride = (H + T.Count - 1) / T.Count * T.Count;

        // Whole vectors of sums: a masked store followed by a load of the same bytes stalls.
        using Scratch sums = Scratch.Rent((long)rows * stride);
        for (int r = 0; r < rows; r++)
        {
            var s = new Span<float>(sums.Pointer + (nint)r * stride, stride);
            s.Clear();
            if (Bias != null) new ReadOnlySpan<float>(Bias, H).CopyTo(s);
        }
        for (int b = 0; b < ColumnBlocks; b++)
            for (int r = 0; r < rows; r++) AddEntries<T>(first + r, b, sums.Pointer + (nint)r * stride);
        for (int r = 0; r < rows; r++)
            new ReadOnlySpan<float>(sums.Pointer + (nint)r * stride, H).CopyTo(new Span<float>(Y + (nint)(first + r) * H, H));
    }

    /// <summary>Four entries at a time, so that the sums are read and written once for four rows of W.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void AddEntries<T>(int row, int block, float* y) where T : struct, IVec<T>
    {
        int* start = Starts + (nint)row * (ColumnBlocks + 1) + block;
        int e = start[0], end = start[1], h = H, whole = h - h % T.Count;
        for (; e + 4 <= end; e += 4)
        {
            float* w0 = W + (nint)Columns[e] * h, w1 = W + (nint)Columns[e + 1] * h, w2 = W + (nint)Columns[e + 2] * h, w3 = W + (nint)Columns[e + 3] * h;
            T x0 = T.Create(Values[e]), x1 = T.Create(Values[e + 1]), x2 = T.Create(Values[e + 2]), x3 = T.Create(Values[e + 3]);
            int j = 0;
            for (; j < whole; j += T.Count)
                T.Store(y + j, T.Fma(x3, T.Load(w3 + j), T.Fma(x2, T.Load(w2 + j), T.Fma(x1, T.Load(w1 + j), T.Fma(x0, T.Load(w0 + j), T.Load(y + j))))));
            if (j == h) continue;
            int left = h - j;
            T.Store(y + j, T.Fma(x3, T.LoadPartial(w3 + j, left), T.Fma(x2, T.LoadPartial(w2 + j, left),
                T.Fma(x1, T.LoadPartial(w1 + j, left), T.Fma(x0, T.LoadPartial(w0 + j, left), T.Load(y + j))))));
        }
        for (; e < end; e++)
        {
            float* w = W + (nint)Columns[e] * h;
            T x = T.Create(Values[e]);
            int j = 0;
            for (; j < whole; j += T.Count) T.Store(y + j, T.Fma(x, T.Load(w + j), T.Load(y + j)));
            if (j < h) T.Store(y + j, T.Fma(x, T.LoadPartial(w + j, h - j), T.Load(y + j)));
        }
    }
}

/// <summary>Gradient of sparse times dense with respect to the dense matrix. One block is some columns of the sparse matrix; it owns their rows of the gradient.</summary>
internal unsafe struct SparseBackward : IVectorKernel
{
    public const int ColumnsPerBlock = 128;

    public int Rows, TotalColumns, ColumnBlocks, H;
    public int* Starts;
    public int* Columns;
    public float* Values;
    public float* DY;
    public float* DW;
    public bool Accumulate;
    public byte* Touched;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int first = block * ColumnsPerBlock, count = Math.Min(ColumnsPerBlock, TotalColumns - first), h = H, whole = h - h % T.Count;
        int stride = (h + T.Count - 1) / T.Count * T.Count;
        using Scratch scratch = Scratch.Rent((long)count * stride);
        float* sums = scratch.Pointer;
        new Span<float>(sums, count * stride).Clear();
        if (Touched != null) new Span<byte>(Touched + first, count).Clear();
        for (int r = 0; r < Rows; r++)
        {
            int* start = Starts + (nint)r * (ColumnBlocks + 1) + block;
            float* dy = DY + (nint)r * h;
            for (int e = start[0]; e < start[1]; e++)
            {
                int column = Columns[e];
                if (Touched != null) Touched[column] = 1;
                float* w = sums + (nint)(column - first) * stride;
                T x = T.Create(Values[e]);
                int j = 0;
                for (; j < whole; j += T.Count) T.Store(w + j, T.Fma(x, T.Load(dy + j), T.Load(w + j)));
                if (j < h) T.Store(w + j, T.Fma(x, T.LoadPartial(dy + j, h - j), T.Load(w + j)));
            }
        }
        for (int c = 0; c < count; c++)
        {
            float* from = sums + (nint)c * stride, to = DW + (nint)(first + c) * h;
            if (Accumulate) RowMath.Axpy<T>(1, from, to, h);
            else new ReadOnlySpan<float>(from, h).CopyTo(new Span<float>(to, h));
        }
    }
}
