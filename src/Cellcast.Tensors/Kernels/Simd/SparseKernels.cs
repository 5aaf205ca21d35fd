using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Copies a matrix to rows of whole, aligned vectors, so that no load of a row touches two cache lines.</summary>
internal readonly unsafe struct PaddedCopy(float* from, float* to, int columns, int stride) : IRowMap
{
    private readonly float* _from = from, _to = to;

    /// <summary>Elements from row to row of the copy.</summary>
    public static int Stride(int columns)
    {
        int width = MachineVectors.Width;
        return (columns + width - 1) / width * width;
    }

    public void Row<T>(int row) where T : struct, IVec<T>
    {
        var to = new Span<float>(_to + (nint)row * stride, stride);
        new ReadOnlySpan<float>(_from + (nint)row * columns, columns).CopyTo(to);
        to[columns..].Clear();
    }
}

/// <summary>Sparse times dense. One block is some rows; it goes over the dense matrix in pieces that stay in a first-level cache.</summary>
internal unsafe struct SparseForward : IVectorKernel
{
    public const int RowsPerBlock = 64;
    public const int ColumnsPerBlock = 512;

    public int Rows, ColumnBlocks, H;
    public int* Starts;
    public int* Columns;
    public float* Values;

    /// <summary>Rows of whole vectors.</summary>
    public float* W;
    public int Stride;
    public float* Bias;
    public float* Y;

    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int first = block * RowsPerBlock, rows = Math.Min(RowsPerBlock, Rows - first), stride = Stride;

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
        int e = start[0], end = start[1], stride = Stride;
        if (block + 1 < ColumnBlocks)
        {
            // The row's next entries are wanted after all other rows have had their turn: far enough away to be forgotten, or never seen.
            CacheWalk.Fetch(Columns + end, (start[2] - end) * sizeof(int));
            CacheWalk.Fetch(Values + end, (start[2] - end) * sizeof(float));
        }
        for (; e + 4 <= end; e += 4)
        {
            float* w0 = W + (nint)Columns[e] * stride, w1 = W + (nint)Columns[e + 1] * stride, w2 = W + (nint)Columns[e + 2] * stride, w3 = W + (nint)Columns[e + 3] * stride;
            T x0 = T.Create(Values[e]), x1 = T.Create(Values[e + 1]), x2 = T.Create(Values[e + 2]), x3 = T.Create(Values[e + 3]);
            nint j = 0;
            for (; j <= stride - 2 * T.Count; j += 2 * T.Count)
            {
                T a = T.Load(y + j), b = T.Load(y + j + T.Count);
                a = T.Fma(x0, T.Load(w0 + j), a);
                b = T.Fma(x0, T.Load(w0 + j + T.Count), b);
                a = T.Fma(x1, T.Load(w1 + j), a);
                b = T.Fma(x1, T.Load(w1 + j + T.Count), b);
                a = T.Fma(x2, T.Load(w2 + j), a);
                b = T.Fma(x2, T.Load(w2 + j + T.Count), b);
                T.Store(y + j, T.Fma(x3, T.Load(w3 + j), a));
                T.Store(y + j + T.Count, T.Fma(x3, T.Load(w3 + j + T.Count), b));
            }
            if (j < stride) T.Store(y + j, T.Fma(x3, T.Load(w3 + j), T.Fma(x2, T.Load(w2 + j), T.Fma(x1, T.Load(w1 + j), T.Fma(x0, T.Load(w0 + j), T.Load(y + j))))));
        }
        for (; e < end; e++)
        {
            float* w = W + (nint)Columns[e] * stride;
            T x = T.Create(Values[e]);
            for (int j = 0; j < stride; j += T.Count) T.Store(y + j, T.Fma(x, T.Load(w + j), T.Load(y + j)));
        }
    }
}

/// <summary>Gradient of sparse times dense with respect to the dense matrix. One block is some columns of the sparse matrix; it owns their rows of the gradient.</summary>
internal unsafe struct SparseBackward : IVectorKernel
{
    public const int ColumnsPerBlock = 128;
    private const int Ahead = 8;

    public int Rows, TotalColumns, ColumnBlocks, H;
    public int* Starts;
    public int* Columns;
    public float* Values;

    /// <summary>Rows of whole vectors.</summary>
    public float* DY;
    public int Stride;
    public float* DW;
    public bool Accumulate;
    public byte* Touched;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int first = block * ColumnsPerBlock, count = Math.Min(ColumnsPerBlock, TotalColumns - first), h = H, stride = Stride;
        using Scratch scratch = Scratch.Rent((long)count * stride);
        float* sums = scratch.Pointer;
        new Span<float>(sums, count * stride).Clear();
        if (Touched != null) new Span<byte>(Touched + first, count).Clear();
        for (int r = 0; r < Rows; r++)
        {
            int* start = Starts + (nint)r * (ColumnBlocks + 1) + block;
            float* dy = DY + (nint)r * stride;
            if (r + Ahead < Rows)
            {
                // Entries of one block of columns lie far apart from row to row.
                int* next = start + (nint)Ahead * (ColumnBlocks + 1);
                CacheWalk.Fetch(Columns + next[0], (next[1] - next[0]) * sizeof(int));
                CacheWalk.Fetch(Values + next[0], (next[1] - next[0]) * sizeof(float));
            }
            for (int e = start[0]; e < start[1]; e++)
            {
                int column = Columns[e];
                if (Touched != null) Touched[column] = 1;
                float* w = sums + (nint)(column - first) * stride;
                T x = T.Create(Values[e]);
                nint j = 0;
                for (; j <= stride - 4 * T.Count; j += 4 * T.Count)
                {
                    T.Store(w + j, T.Fma(x, T.Load(dy + j), T.Load(w + j)));
                    T.Store(w + j + T.Count, T.Fma(x, T.Load(dy + j + T.Count), T.Load(w + j + T.Count)));
                    T.Store(w + j + 2 * T.Count, T.Fma(x, T.Load(dy + j + 2 * T.Count), T.Load(w + j + 2 * T.Count)));
                    T.Store(w + j + 3 * T.Count, T.Fma(x, T.Load(dy + j + 3 * T.Count), T.Load(w + j + 3 * T.Count)));
                }
                for (; j < stride; j += T.Count) T.Store(w + j, T.Fma(x, T.Load(dy + j), T.Load(w + j)));
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
