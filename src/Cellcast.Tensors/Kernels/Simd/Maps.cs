using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>A function of one element, for any vector width.</summary>
internal interface IMap1
{
    T Apply<T>(T a) where T : struct, IVec<T>;
}

/// <summary>A function of two elements.</summary>
internal interface IMap2
{
    T Apply<T>(T a, T b) where T : struct, IVec<T>;
}

/// <summary>A function of three elements.</summary>
internal interface IMap3
{
    T Apply<T>(T a, T b, T c) where T : struct, IVec<T>;
}

/// <summary>Adds the result of a function of two elements to a third.</summary>
internal readonly struct Added<TMap>(TMap map) : IMap3 where TMap : struct, IMap2
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Apply<T>(T a, T b, T c) where T : struct, IVec<T> => c + map.Apply(a, b);
}

/// <summary>Drives maps over vectors in blocks.</summary>
internal static unsafe class Maps
{
    /// <summary>Elements per block: some microseconds of work, three operands within a second-level cache.</summary>
    public const int BlockLength = 1 << 14;

    public static int Blocks(int length) => (int)(((long)length + BlockLength - 1) / BlockLength);

    public static void Map<TMap>(Workers workers, ReadOnlySpan<float> a, Span<float> y, TMap map = default) where TMap : struct, IMap1
    {
        Guard.SameLength(a.Length, y.Length);
        fixed (float* pa = a, py = y) workers.ForVectors(Blocks(y.Length), new Map1Kernel<TMap>(map, pa, py, y.Length));
    }

    public static void Map<TMap>(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y, TMap map = default) where TMap : struct, IMap2
    {
        Guard.SameLength(a.Length, y.Length);
        Guard.SameLength(b.Length, y.Length);
        fixed (float* pa = a, pb = b, py = y) workers.ForVectors(Blocks(y.Length), new Map2Kernel<TMap>(map, pa, pb, py, y.Length));
    }

    public static void Map<TMap>(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, ReadOnlySpan<float> c, Span<float> y, TMap map = default) where TMap : struct, IMap3
    {
        Guard.SameLength(a.Length, y.Length);
        Guard.SameLength(b.Length, y.Length);
        Guard.SameLength(c.Length, y.Length);
        fixed (float* pa = a, pb = b, pc = c, py = y) workers.ForVectors(Blocks(y.Length), new Map3Kernel<TMap>(map, pa, pb, pc, py, y.Length));
    }

    /// <summary>y = map(a, b), or y += map(a, b).</summary>
    public static void MapInto<TMap>(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y, bool accumulate, TMap map = default) where TMap : struct, IMap2
    {
        if (accumulate) Map(workers, a, b, y, y, new Added<TMap>(map));
        else Map(workers, a, b, y, map);
    }
}

internal readonly unsafe struct Map1Kernel<TMap>(TMap map, float* a, float* y, int length) : IVectorKernel where TMap : struct, IMap1
{
    private readonly float* _a = a, _y = y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int i = block * Maps.BlockLength, end = Math.Min(length, i + Maps.BlockLength);
        for (; i < end; i += T.Count)
        {
            // One copy of the map in the loop: two would be too much for the compiler to inline.
            int left = end - i;
            T a = left >= T.Count ? T.Load(_a + i) : T.LoadPartial(_a + i, left);
            T y = map.Apply(a);
            if (left >= T.Count) T.Store(_y + i, y);
            else T.StorePartial(_y + i, y, left);
        }
    }
}

internal readonly unsafe struct Map2Kernel<TMap>(TMap map, float* a, float* b, float* y, int length) : IVectorKernel where TMap : struct, IMap2
{
    private readonly float* _a = a, _b = b, _y = y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int i = block * Maps.BlockLength, end = Math.Min(length, i + Maps.BlockLength);
        for (; i < end; i += T.Count)
        {
            // One copy of the map in the loop: two would be too much for the compiler to inline.
            int left = end - i;
            T a = left >= T.Count ? T.Load(_a + i) : T.LoadPartial(_a + i, left);
            T b = left >= T.Count ? T.Load(_b + i) : T.LoadPartial(_b + i, left);
            T y = map.Apply(a, b);
            if (left >= T.Count) T.Store(_y + i, y);
            else T.StorePartial(_y + i, y, left);
        }
    }
}

internal readonly unsafe struct Map3Kernel<TMap>(TMap map, float* a, float* b, float* c, float* y, int length) : IVectorKernel where TMap : struct, IMap3
{
    private readonly float* _a = a, _b = b, _c = c, _y = y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int i = block * Maps.BlockLength, end = Math.Min(length, i + Maps.BlockLength);
        for (; i < end; i += T.Count)
        {
            // One copy of the map in the loop: two would be too much for the compiler to inline.
            int left = end - i;
            T a = left >= T.Count ? T.Load(_a + i) : T.LoadPartial(_a + i, left);
            T b = left >= T.Count ? T.Load(_b + i) : T.LoadPartial(_b + i, left);
            T c = left >= T.Count ? T.Load(_c + i) : T.LoadPartial(_c + i, left);
            T y = map.Apply(a, b, c);
            if (left >= T.Count) T.Store(_y + i, y);
            else T.StorePartial(_y + i, y, left);
        }
    }
}
