using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Copies a matrix to rows of whole, aligned vectors, so that no load of a row touches two cache lines; of seven, or of whole groups of four, where there are that many.</summary>
internal readonly unsafe struct PaddedCopy(float* from, float* to, int columns, int stride) : IRowMap
{
    private readonly float* _from = from, _to = to;

    /// <summary>Vectors of a row that stay in registers, besides eight, four and one: a hundred columns.</summary>
    public const int Seven = 7;

    /// <summary>Elements from row to row of the copy.</summary>
    public static int Stride(int columns)
    {
        int width = MachineVectors.Width, vectors = (columns + width - 1) / width;
        return (vectors <= 3 || vectors == Seven ? vectors : (vectors + 3) / 4 * 4) * width;
    }

    public void Row<T>(int row) where T : struct, IVec<T>
    {
        var to = new Span<float>(_to + (nint)row * stride, stride);
        new ReadOnlySpan<float>(_from + (nint)row * columns, columns).CopyTo(to);
        to[columns..].Clear();
    }
}

/// <summary>How a sparse matrix is cut into blocks of columns, so that the rows of the dense matrix that belong to a block stay near, most of them in a first-level cache. The sums do
/// not depend on it: each is taken in the order of the entries.</summary>
internal static class SparseBlocks
{
    private const int DenseFloats = 1 << 13;
    private const int FewestColumns = 16;
    private const int MostColumns = 512;
    private const int WantedEntries = 12;

    /// <summary>Columns of a block.</summary>
    /// <param name="stride">Floats of a row of the dense matrix.</param>
    /// <param name="columns">Columns of the sparse matrix.</param>
    /// <param name="entriesPerRow">Of the sparse matrix, about: with only one or two of them to a block, going from block to block would cost more than the cache saves.</param>
    public static int Columns(int stride, int columns, double entriesPerRow)
    {
        int block = Math.Clamp((int)BitOperations.RoundUpToPowerOf2((uint)(DenseFloats / stride + 1)) / 2, FewestColumns, MostColumns);
        while (block < MostColumns && entriesPerRow * block < (double)WantedEntries * columns) block *= 2;
        return Math.Min(block, MostColumns);
    }
}

/// <summary>Sparse times dense. One block is some rows; it goes over the dense matrix in pieces that stay in a first-level cache.</summary>
internal unsafe struct SparseForward : IVectorKernel
{
    /// <summary>Most rows of a block. For each block the whole dense matrix comes from the outer cache once.</summary>
    private const int MostRows = 64;

    public int Rows, RowsPerBlock, ColumnBlocks, H;

    /// <summary>See <see cref="BlockedRows"/>.</summary>
    public int* Starts;
    public int StartsStride, StartsStep;
    public int* Columns;
    public float* Values;

    /// <summary>Rows of whole vectors.</summary>
    public float* W;
    public int Stride;
    public float* Bias;
    public float* Y;

    /// <summary>Rows of a block, so that every thread has as many.</summary>
    public static int RowsOfBlock(int rows, int threads)
    {
        int blocks = threads * ((rows + threads * MostRows - 1) / (threads * MostRows));
        return (rows + blocks - 1) / blocks;
    }

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
        for (int b = 0; b < ColumnBlocks; b++) AddBlock<T>(first, rows, b, sums.Pointer);
        for (int r = 0; r < rows; r++)
            new ReadOnlySpan<float>(sums.Pointer + (nint)r * stride, H).CopyTo(new Span<float>(Y + (nint)(first + r) * H, H));
    }

    private readonly void AddBlock<T>(int first, int rows, int block, float* sums) where T : struct, IVec<T>
    {
        for (int r = 0; r < rows; r++)
        {
            int* start = Starts + (nint)(first + r) * StartsStride + block * StartsStep;
            int e = start[0], end = start[StartsStep], count = end - e, stride = Stride, j = 0;
            if (block + 1 < ColumnBlocks)
            {
                // The row's next entries are wanted after all other rows have had their turn: far enough away to be forgotten, or never seen.
                int next = start[2 * StartsStep] - end;
                CacheWalk.Fetch(Columns + end, next * sizeof(int));
                CacheWalk.Fetch(Values + end, next * sizeof(float));
            }
            if (count == 0) continue;
            float* y = sums + (nint)r * stride;
            if (stride == PaddedCopy.Seven * T.Count)
            {
                AddSeven<T>(Columns + e, Values + e, count, W, stride, y);
                continue;
            }
            for (; j + 8 * T.Count <= stride; j += 8 * T.Count) AddEight<T>(Columns + e, Values + e, count, W + j, stride, y + j);
            for (; j + 4 * T.Count <= stride; j += 4 * T.Count) AddFour<T>(Columns + e, Values + e, count, W + j, stride, y + j);
            for (; j < stride; j += T.Count) AddOne<T>(Columns + e, Values + e, count, W + j, stride, y + j);
        }
    }

    /// <summary>y += sum of x[e] w[columns[e]] for eight vectors, which stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddEight<T>(int* columns, float* x, int count, float* w, nint stride, float* y) where T : struct, IVec<T>
    {
        T s0 = T.Load(y), s1 = T.Load(y + T.Count), s2 = T.Load(y + 2 * T.Count), s3 = T.Load(y + 3 * T.Count);
        T s4 = T.Load(y + 4 * T.Count), s5 = T.Load(y + 5 * T.Count), s6 = T.Load(y + 6 * T.Count), s7 = T.Load(y + 7 * T.Count);
        for (int e = 0; e < count; e++)
        {
            float* row = w + columns[e] * stride;
            T v = T.Create(x[e]);
            s0 = T.Fma(v, T.Load(row), s0);
            s1 = T.Fma(v, T.Load(row + T.Count), s1);
            s2 = T.Fma(v, T.Load(row + 2 * T.Count), s2);
            s3 = T.Fma(v, T.Load(row + 3 * T.Count), s3);
            s4 = T.Fma(v, T.Load(row + 4 * T.Count), s4);
            s5 = T.Fma(v, T.Load(row + 5 * T.Count), s5);
            s6 = T.Fma(v, T.Load(row + 6 * T.Count), s6);
            s7 = T.Fma(v, T.Load(row + 7 * T.Count), s7);
        }
        T.Store(y, s0);
        T.Store(y + T.Count, s1);
        T.Store(y + 2 * T.Count, s2);
        T.Store(y + 3 * T.Count, s3);
        T.Store(y + 4 * T.Count, s4);
        T.Store(y + 5 * T.Count, s5);
        T.Store(y + 6 * T.Count, s6);
        T.Store(y + 7 * T.Count, s7);
    }

    /// <summary>y += sum of x[e] w[columns[e]] for seven vectors, which stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddSeven<T>(int* columns, float* x, int count, float* w, nint stride, float* y) where T : struct, IVec<T>
    {
        T s0 = T.Load(y), s1 = T.Load(y + T.Count), s2 = T.Load(y + 2 * T.Count), s3 = T.Load(y + 3 * T.Count);
        T s4 = T.Load(y + 4 * T.Count), s5 = T.Load(y + 5 * T.Count), s6 = T.Load(y + 6 * T.Count);
        for (int e = 0; e < count; e++)
        {
            float* row = w + columns[e] * stride;
            T v = T.Create(x[e]);
            s0 = T.Fma(v, T.Load(row), s0);
            s1 = T.Fma(v, T.Load(row + T.Count), s1);
            s2 = T.Fma(v, T.Load(row + 2 * T.Count), s2);
            s3 = T.Fma(v, T.Load(row + 3 * T.Count), s3);
            s4 = T.Fma(v, T.Load(row + 4 * T.Count), s4);
            s5 = T.Fma(v, T.Load(row + 5 * T.Count), s5);
            s6 = T.Fma(v, T.Load(row + 6 * T.Count), s6);
        }
        T.Store(y, s0);
        T.Store(y + T.Count, s1);
        T.Store(y + 2 * T.Count, s2);
        T.Store(y + 3 * T.Count, s3);
        T.Store(y + 4 * T.Count, s4);
        T.Store(y + 5 * T.Count, s5);
        T.Store(y + 6 * T.Count, s6);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddFour<T>(int* columns, float* x, int count, float* w, nint stride, float* y) where T : struct, IVec<T>
    {
        T s0 = T.Load(y), s1 = T.Load(y + T.Count), s2 = T.Load(y + 2 * T.Count), s3 = T.Load(y + 3 * T.Count);
        for (int e = 0; e < count; e++)
        {
            float* row = w + columns[e] * stride;
            T v = T.Create(x[e]);
            s0 = T.Fma(v, T.Load(row), s0);
            s1 = T.Fma(v, T.Load(row + T.Count), s1);
            s2 = T.Fma(v, T.Load(row + 2 * T.Count), s2);
            s3 = T.Fma(v, T.Load(row + 3 * T.Count), s3);
        }
        T.Store(y, s0);
        T.Store(y + T.Count, s1);
        T.Store(y + 2 * T.Count, s2);
        T.Store(y + 3 * T.Count, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddOne<T>(int* columns, float* x, int count, float* w, nint stride, float* y) where T : struct, IVec<T>
    {
        T s = T.Load(y);
        for (int e = 0; e < count; e++) s = T.Fma(T.Create(x[e]), T.Load(w + columns[e] * stride), s);
        T.Store(y, s);
    }
}

/// <summary>Gradient of sparse times dense with respect to the dense matrix. One block is some columns of the sparse matrix; it owns their rows of the gradient.</summary>
internal unsafe struct SparseBackward : IVectorKernel
{
    private const int Ahead = 8;

    public int Rows, TotalColumns, ColumnsPerBlock, H;

    /// <summary>See <see cref="BlockedRows"/>.</summary>
    public int* Starts;
    public int StartsStride, StartsStep;
    public int* Columns;
    public float* Values;

    /// <summary>Rows of whole vectors.</summary>
    public float* DY;
    public int Stride;
    public float* DW;
    public bool Accumulate;
    public byte* Touched;

    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int first = block * ColumnsPerBlock, count = Math.Min(ColumnsPerBlock, TotalColumns - first), h = H, stride = Stride;
        using Scratch scratch = Scratch.Rent((long)count * stride);
        float* sums = scratch.Pointer;
        new Span<float>(sums, count * stride).Clear();
        if (Touched != null) new Span<byte>(Touched + first, count).Clear();
        for (int r = 0; r < Rows; r++)
        {
            int* start = Starts + (nint)r * StartsStride + block * StartsStep;
            float* dy = DY + (nint)r * stride;
            if (r + Ahead < Rows)
            {
                // Entries of one block of columns lie far apart from row to row.
                int* next = start + (nint)Ahead * StartsStride;
                CacheWalk.Fetch(Columns + next[0], (next[StartsStep] - next[0]) * sizeof(int));
                CacheWalk.Fetch(Values + next[0], (next[StartsStep] - next[0]) * sizeof(float));
            }
            int e = start[0], entries = start[StartsStep] - e, j = 0;
            if (entries == 0) continue;
            if (Touched != null)
                for (int i = 0; i < entries; i++) Touched[Columns[e + i]] = 1;
            float* w = sums - (nint)first * stride;
            if (stride == PaddedCopy.Seven * T.Count)
            {
                AddSeven<T>(Columns + e, Values + e, entries, dy, stride, w);
                continue;
            }
            for (; j + 8 * T.Count <= stride; j += 8 * T.Count) AddEight<T>(Columns + e, Values + e, entries, dy + j, stride, w + j);
            for (; j + 4 * T.Count <= stride; j += 4 * T.Count) AddFour<T>(Columns + e, Values + e, entries, dy + j, stride, w + j);
            for (; j < stride; j += T.Count) AddOne<T>(Columns + e, Values + e, entries, dy + j, stride, w + j);
        }
        for (int c = 0; c < count; c++)
        {
            float* from = sums + (nint)c * stride, to = DW + (nint)(first + c) * h;
            if (Accumulate) RowMath.Axpy<T>(1, from, to, h);
            else new ReadOnlySpan<float>(from, h).CopyTo(new Span<float>(to, h));
        }
    }

    /// <summary>w[columns[e]] += x[e] dy for eight vectors of dy, which stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddEight<T>(int* columns, float* x, int count, float* dy, nint stride, float* w) where T : struct, IVec<T>
    {
        T d0 = T.Load(dy), d1 = T.Load(dy + T.Count), d2 = T.Load(dy + 2 * T.Count), d3 = T.Load(dy + 3 * T.Count);
        T d4 = T.Load(dy + 4 * T.Count), d5 = T.Load(dy + 5 * T.Count), d6 = T.Load(dy + 6 * T.Count), d7 = T.Load(dy + 7 * T.Count);
        for (int e = 0; e < count; e++)
        {
            float* row = w + columns[e] * stride;
            T v = T.Create(x[e]);
            T.Store(row, T.Fma(v, d0, T.Load(row)));
            T.Store(row + T.Count, T.Fma(v, d1, T.Load(row + T.Count)));
            T.Store(row + 2 * T.Count, T.Fma(v, d2, T.Load(row + 2 * T.Count)));
            T.Store(row + 3 * T.Count, T.Fma(v, d3, T.Load(row + 3 * T.Count)));
            T.Store(row + 4 * T.Count, T.Fma(v, d4, T.Load(row + 4 * T.Count)));
            T.Store(row + 5 * T.Count, T.Fma(v, d5, T.Load(row + 5 * T.Count)));
            T.Store(row + 6 * T.Count, T.Fma(v, d6, T.Load(row + 6 * T.Count)));
            T.Store(row + 7 * T.Count, T.Fma(v, d7, T.Load(row + 7 * T.Count)));
        }
    }

    /// <summary>w[columns[e]] += x[e] dy for seven vectors of dy, which stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddSeven<T>(int* columns, float* x, int count, float* dy, nint stride, float* w) where T : struct, IVec<T>
    {
        T d0 = T.Load(dy), d1 = T.Load(dy + T.Count), d2 = T.Load(dy + 2 * T.Count), d3 = T.Load(dy + 3 * T.Count);
        T d4 = T.Load(dy + 4 * T.Count), d5 = T.Load(dy + 5 * T.Count), d6 = T.Load(dy + 6 * T.Count);
        for (int e = 0; e < count; e++)
        {
            float* row = w + columns[e] * stride;
            T v = T.Create(x[e]);
            T.Store(row, T.Fma(v, d0, T.Load(row)));
            T.Store(row + T.Count, T.Fma(v, d1, T.Load(row + T.Count)));
            T.Store(row + 2 * T.Count, T.Fma(v, d2, T.Load(row + 2 * T.Count)));
            T.Store(row + 3 * T.Count, T.Fma(v, d3, T.Load(row + 3 * T.Count)));
            T.Store(row + 4 * T.Count, T.Fma(v, d4, T.Load(row + 4 * T.Count)));
            T.Store(row + 5 * T.Count, T.Fma(v, d5, T.Load(row + 5 * T.Count)));
            T.Store(row + 6 * T.Count, T.Fma(v, d6, T.Load(row + 6 * T.Count)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddFour<T>(int* columns, float* x, int count, float* dy, nint stride, float* w) where T : struct, IVec<T>
    {
        T d0 = T.Load(dy), d1 = T.Load(dy + T.Count), d2 = T.Load(dy + 2 * T.Count), d3 = T.Load(dy + 3 * T.Count);
        for (int e = 0; e < count; e++)
        {
            float* row = w + columns[e] * stride;
            T v = T.Create(x[e]);
            T.Store(row, T.Fma(v, d0, T.Load(row)));
            T.Store(row + T.Count, T.Fma(v, d1, T.Load(row + T.Count)));
            T.Store(row + 2 * T.Count, T.Fma(v, d2, T.Load(row + 2 * T.Count)));
            T.Store(row + 3 * T.Count, T.Fma(v, d3, T.Load(row + 3 * T.Count)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddOne<T>(int* columns, float* x, int count, float* dy, nint stride, float* w) where T : struct, IVec<T>
    {
        T d = T.Load(dy);
        for (int e = 0; e < count; e++)
        {
            float* row = w + columns[e] * stride;
            T.Store(row, T.Fma(T.Create(x[e]), d, T.Load(row)));
        }
    }
}
