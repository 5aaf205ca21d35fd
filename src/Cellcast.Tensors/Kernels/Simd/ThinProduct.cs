using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Products with only a few rows (or, transposed, columns), where packing would cost more than the product. One block is a range of columns.</summary>
internal unsafe struct ThinProduct<TEpilogue> : IVectorKernel where TEpilogue : struct, IGemmEpilogue
{
    /// <summary>Rows up to which this way is taken.</summary>
    public const int MaxRows = 3;

    public const int BlockColumns = 512;

    public int M;
    public int N;
    public int K;

    /// <summary>M lines of K contiguous values.</summary>
    public float* Rows;
    public nint RowStride;
    public GemmOperand Columns;
    public float* C;
    public nint Ldc;
    public bool Transposed;
    public bool Accumulate;
    public TEpilogue Epilogue;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int j0 = block * BlockColumns, columns = Math.Min(BlockColumns, N - j0);
        float* sums = stackalloc float[BlockColumns];
        for (int i = 0; i < M; i++)
        {
            float* a = Rows + i * RowStride;
            if (Columns.ContiguousK) Dots<T>(a, j0, columns, sums);
            else Combination<T>(a, j0, columns, sums);
            float* c = Transposed ? C + j0 * Ldc + i : C + i * Ldc + j0;
            nint step = Transposed ? Ldc : 1;
            for (int j = 0; j < columns; j++) c[j * step] = Accumulate ? c[j * step] + sums[j] : sums[j];
        }
        if (typeof(TEpilogue) == typeof(NoEpilogue)) return;
        if (Transposed) Epilogue.Apply(C + j0 * Ldc, (int)Ldc, j0, 0, columns, M);
        else Epilogue.Apply(C + j0, (int)Ldc, 0, j0, M, columns);
    }

    /// <summary>sums[j] = a . line j, four accumulators deep.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Dots<T>(float* a, int j0, int columns, float* sums) where T : struct, IVec<T>
    {
        for (int j = 0; j < columns; j++)
        {
            float* b = Columns.At(j0 + j, 0);
            T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
            int p = 0;
            for (; p + 4 * T.Count <= K; p += 4 * T.Count)
            {
                s0 = T.Fma(T.Load(a + p), T.Load(b + p), s0);
                s1 = T.Fma(T.Load(a + p + T.Count), T.Load(b + p + T.Count), s1);
                s2 = T.Fma(T.Load(a + p + 2 * T.Count), T.Load(b + p + 2 * T.Count), s2);
                s3 = T.Fma(T.Load(a + p + 3 * T.Count), T.Load(b + p + 3 * T.Count), s3);
            }
            for (; p + T.Count <= K; p += T.Count) s0 = T.Fma(T.Load(a + p), T.Load(b + p), s0);
            if (p < K) s1 = T.Fma(T.LoadPartial(a + p, K - p), T.LoadPartial(b + p, K - p), s1);
            sums[j] = (float)T.SumAcross(s0 + s1 + (s2 + s3));
        }
    }

    /// <summary>sums = sum over p of a[p] times row p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Combination<T>(float* a, int j0, int columns, float* sums) where T : struct, IVec<T>
    {
        int j = 0;
        for (; j + 4 * T.Count <= columns; j += 4 * T.Count)
        {
            float* b = Columns.At(j0 + j, 0);
            T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
            for (int p = 0; p < K; p++, b += Columns.Stride)
            {
                T x = T.Create(a[p]);
                s0 = T.Fma(x, T.Load(b), s0);
                s1 = T.Fma(x, T.Load(b + T.Count), s1);
                s2 = T.Fma(x, T.Load(b + 2 * T.Count), s2);
                s3 = T.Fma(x, T.Load(b + 3 * T.Count), s3);
            }
            T.Store(sums + j, s0);
            T.Store(sums + j + T.Count, s1);
            T.Store(sums + j + 2 * T.Count, s2);
            T.Store(sums + j + 3 * T.Count, s3);
        }
        for (; j < columns; j += T.Count)
        {
            float* b = Columns.At(j0 + j, 0);
            int width = Math.Min(T.Count, columns - j);
            T s = T.Zero;
            if (width == T.Count)
                for (int p = 0; p < K; p++, b += Columns.Stride) s = T.Fma(T.Create(a[p]), T.Load(b), s);
            else
                for (int p = 0; p < K; p++, b += Columns.Stride) s = T.Fma(T.Create(a[p]), T.LoadPartial(b, width), s);
            if (width == T.Count) T.Store(sums + j, s);
            else T.StorePartial(sums + j, s, width);
        }
    }
}
