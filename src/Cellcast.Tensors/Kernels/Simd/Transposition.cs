using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Transposed copies of small matrices.</summary>
internal static unsafe class Transposition
{
    /// <summary>to[j, i] = from[i, j].</summary>
    /// <param name="from">rows x columns.</param>
    /// <param name="ldFrom">Elements from row to row of the source.</param>
    /// <param name="rows">Rows of the source.</param>
    /// <param name="columns">Columns of the source.</param>
    /// <param name="to">columns x rows.</param>
    /// <param name="ldTo">Elements from row to row of the target.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* from, nint ldFrom, int rows, int columns, float* to, nint ldTo)
    {
        int i = 0;
        if (Sse.IsSupported)
        {
            if (MachineVectors.Is512)
            {
                for (; i + 16 <= rows; i += 16)
                {
                    float* f = from + i * ldFrom;
                    float* t = to + i;
                    int j = 0;
                    for (; j + 16 <= columns; j += 16) Block16(f + j, ldFrom, t + j * ldTo, ldTo);
                    for (; j + 4 <= columns; j += 4)
                        for (int q = 0; q < 16; q += 4) Block4(f + q * ldFrom + j, ldFrom, t + j * ldTo + q, ldTo);
                    for (; j < columns; j++)
                        for (int q = 0; q < 16; q++) t[j * ldTo + q] = f[q * ldFrom + j];
                }
            }
            for (; i + 4 <= rows; i += 4)
            {
                float* f = from + i * ldFrom;
                float* t = to + i;
                int j = 0;
                for (; j + 4 <= columns; j += 4) Block4(f + j, ldFrom, t + j * ldTo, ldTo);
                for (; j < columns; j++)
                    for (int q = 0; q < 4; q++) t[j * ldTo + q] = f[q * ldFrom + j];
            }
        }
        for (; i < rows; i++)
            for (int j = 0; j < columns; j++) to[j * ldTo + i] = from[i * ldFrom + j];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block4(float* f, nint ldf, float* t, nint ldt)
    {
        Vector128<float> r0 = Vector128.Load(f), r1 = Vector128.Load(f + ldf), r2 = Vector128.Load(f + 2 * ldf), r3 = Vector128.Load(f + 3 * ldf);
        Vector128<float> a = Sse.UnpackLow(r0, r1), b = Sse.UnpackLow(r2, r3), c = Sse.UnpackHigh(r0, r1), d = Sse.UnpackHigh(r2, r3);
        Sse.MoveLowToHigh(a, b).Store(t);
        Sse.MoveHighToLow(b, a).Store(t + ldt);
        Sse.MoveLowToHigh(c, d).Store(t + 2 * ldt);
        Sse.MoveHighToLow(d, c).Store(t + 3 * ldt);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block16(float* f, nint ldf, float* t, nint ldt)
    {
        // Four rows at a time within 128-bit lanes, then lanes across the four groups.
        Quad(f, ldf, out var a0, out var a1, out var a2, out var a3);
        Quad(f + 4 * ldf, ldf, out var b0, out var b1, out var b2, out var b3);
        Quad(f + 8 * ldf, ldf, out var c0, out var c1, out var c2, out var c3);
        Quad(f + 12 * ldf, ldf, out var d0, out var d1, out var d2, out var d3);
        Lanes(a0, b0, c0, d0, t, ldt);
        Lanes(a1, b1, c1, d1, t + ldt, ldt);
        Lanes(a2, b2, c2, d2, t + 2 * ldt, ldt);
        Lanes(a3, b3, c3, d3, t + 3 * ldt, ldt);
    }

    /// <summary>Lane L of output j holds column 4 L + j of four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quad(float* f, nint ldf, out Vector512<float> q0, out Vector512<float> q1, out Vector512<float> q2, out Vector512<float> q3)
    {
        Vector512<float> r0 = Vector512.Load(f), r1 = Vector512.Load(f + ldf), r2 = Vector512.Load(f + 2 * ldf), r3 = Vector512.Load(f + 3 * ldf);
        Vector512<double> a = Avx512F.UnpackLow(r0, r1).AsDouble(), b = Avx512F.UnpackLow(r2, r3).AsDouble();
        Vector512<double> c = Avx512F.UnpackHigh(r0, r1).AsDouble(), d = Avx512F.UnpackHigh(r2, r3).AsDouble();
        q0 = Avx512F.UnpackLow(a, b).AsSingle();
        q1 = Avx512F.UnpackHigh(a, b).AsSingle();
        q2 = Avx512F.UnpackLow(c, d).AsSingle();
        q3 = Avx512F.UnpackHigh(c, d).AsSingle();
    }

    /// <summary>Transposes the 4 x 4 matrix of lanes and stores rows 0, 4, 8 and 12 from <paramref name="t"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lanes(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* t, nint ldt)
    {
        Vector512<float> ab = Avx512F.Shuffle4x128(a, b, 0x44), cd = Avx512F.Shuffle4x128(c, d, 0x44);
        Vector512<float> ef = Avx512F.Shuffle4x128(a, b, 0xEE), gh = Avx512F.Shuffle4x128(c, d, 0xEE);
        Avx512F.Shuffle4x128(ab, cd, 0x88).Store(t);
        Avx512F.Shuffle4x128(ab, cd, 0xDD).Store(t + 4 * ldt);
        Avx512F.Shuffle4x128(ef, gh, 0x88).Store(t + 8 * ldt);
        Avx512F.Shuffle4x128(ef, gh, 0xDD).Store(t + 12 * ldt);
    }
}
