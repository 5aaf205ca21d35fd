using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>One factor of a product, seen as lines (the dimension that survives) by k.</summary>
/// <param name="origin">First element.</param>
/// <param name="stride">Elements from row to row as stored.</param>
/// <param name="contiguousK">True: line i, position p is origin[i stride + p]. False: origin[p stride + i].</param>
internal readonly unsafe struct GemmOperand(float* origin, nint stride, bool contiguousK)
{
    private const int Collision = 256;

    private readonly float* _origin = origin;
    private readonly nint _stride = stride;

    public bool ContiguousK { get; } = contiguousK;

    /// <summary>Element of line i at position p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* At(nint line, nint p) => ContiguousK ? _origin + line * _stride + p : _origin + p * _stride + line;

    public nint Stride => _stride;

    /// <summary>Whether consecutive positions of k lie so far apart, by a multiple of a large power of two, that a cache cannot hold many of them at once.</summary>
    public bool Collides => !ContiguousK && _stride % Collision == 0;

    /// <summary>The same from a position of k on.</summary>
    public GemmOperand From(nint p) => new(At(0, p), _stride, ContiguousK);

    /// <summary>Copies some lines into a panel: k rows of <paramref name="width"/> values, missing lines as zeros.</summary>
    /// <param name="line">First line.</param>
    /// <param name="lines">Lines to copy, at most <paramref name="width"/>.</param>
    /// <param name="p">First position of k.</param>
    /// <param name="k">Positions of k.</param>
    /// <param name="width">Width of the panel.</param>
    /// <param name="panel">Target.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Pack<T>(nint line, int lines, nint p, int k, int width, float* panel) where T : struct, IVec<T>
    {
        float* from = At(line, p);
        if (ContiguousK)
        {
            Transposition.Copy(from, _stride, lines, k, panel, width);
            if (lines < width)
                for (nint q = 0; q < k; q++)
                    for (int i = lines; i < width; i++) panel[q * width + i] = 0;
        }
        else
        {
            for (int q = 0; q < k; q++, from += _stride, panel += width) CopyRow<T>(from, lines, width, panel);
        }
    }

    /// <summary>Copies values and fills up with zeros to the width of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyRow<T>(float* from, int count, int width, float* to) where T : struct, IVec<T>
    {
        if (count == 2 * T.Count)
        {
            T a = T.Load(from), b = T.Load(from + T.Count);
            T.Store(to, a);
            T.Store(to + T.Count, b);
            return;
        }
        int i = 0;
        for (; i + 4 <= count; i += 4) F128.Store(to + i, F128.Load(from + i));
        for (; i < count; i++) to[i] = from[i];
        for (; i < width; i++) to[i] = 0;
    }

    /// <summary>Copies one value for each row of a full tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyTileRow<T>(float* from, float* to) where T : struct, IVec<T>
    {
        if (T.Count == 16)
        {
            F256 a = F256.Load(from);
            F128 b = F128.Load(from + 8);
            F256.Store(to, a);
            F128.Store(to + 8, b);
            return;
        }
        F128 c = F128.Load(from);
        float x = from[4], y = from[5];
        F128.Store(to, c);
        to[4] = x;
        to[5] = y;
    }

    /// <summary>Copies four values of k for each row of a full tile of twelve, in whole cache lines. Reads four rows beyond.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyTileRows(float* from, nint stride, float* to)
    {
        Vector512<float> a = Vector512.Load(from), b = Vector512.Load(from + stride), c = Vector512.Load(from + 2 * stride), d = Vector512.Load(from + 3 * stride);
        Avx512F.PermuteVar16x32x2(a, Vector512.Create(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19), b).Store(to);
        Avx512F.PermuteVar16x32x2(b, Vector512.Create(4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23), c).Store(to + 16);
        Avx512F.PermuteVar16x32x2(c, Vector512.Create(8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27), d).Store(to + 32);
    }

    /// <summary>Width of the panel that holds the last <paramref name="columns"/> columns: two vectors, or one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PanelWidth<T>(int columns) where T : struct, IVec<T> => columns <= T.Count ? T.Count : 2 * T.Count;

    /// <summary>Copies lines into column panels two vectors wide, the last one filled up with zeros, or one vector wide where that is enough.</summary>
    /// <param name="line">First line.</param>
    /// <param name="lines">Lines to copy.</param>
    /// <param name="p">First position of k.</param>
    /// <param name="k">Positions of k.</param>
    /// <param name="panels">Target: one panel of k x width after the other.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PackPanels<T>(nint line, int lines, nint p, int k, float* panels) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, whole = lines / width * width;
        if (ContiguousK)
        {
            for (int j = 0; j < whole; j += width) Pack<T>(line + j, width, p, k, width, panels + (nint)j * k);
        }
        else
        {
            // Row by row over all panels: rows of the source may be pages apart, and a long piece of each is cheaper than many short ones.
            for (int q = 0; q < k; q++)
            {
                float* from = At(line, p + q);
                float* to = panels + (nint)q * width;
                for (int j = 0; j < whole; j += width, from += width, to += (nint)width * k)
                {
                    T a = T.Load(from), b = T.Load(from + T.Count);
                    T.Store(to, a);
                    T.Store(to + T.Count, b);
                }
            }
        }
        if (whole < lines) Pack<T>(line + whole, lines - whole, p, k, PanelWidth<T>(lines - whole), panels + (nint)whole * k);
    }

    /// <summary>Walks over the memory of some lines and positions.</summary>
    public CacheWalk Walk(nint line, int lines, nint p, int k) => ContiguousK ? new(At(line, p), _stride, lines, k) : new(At(line, p), _stride, k, lines);
}
