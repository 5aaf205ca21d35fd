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
                for (; i + 16 <= rows; i += 16) Strip(from + i * ldFrom, ldFrom, 16, columns, to + i, ldTo);
                if (i + 12 <= rows)
                {
                    Strip(from + i * ldFrom, ldFrom, 12, columns, to + i, ldTo);
                    i += 12;
                }
                else if (i + 8 <= rows)
                {
                    Strip(from + i * ldFrom, ldFrom, 8, columns, to + i, ldTo);
                    i += 8;
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

    /// <summary>8, 12 or 16 rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Strip(float* f, nint ldf, int rows, int columns, float* t, nint ldt)
    {
        int j = 0;
        for (; j + 16 <= columns; j += 16) Block16(f + j, ldf, rows, t + j * ldt, ldt);
        for (; j + 4 <= columns; j += 4)
            for (int q = 0; q < rows; q += 4) Block4(f + q * ldf + j, ldf, t + j * ldt + q, ldt);
        for (; j < columns; j++)
            for (int q = 0; q < rows; q++) t[j * ldt + q] = f[q * ldf + j];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block16(float* f, nint ldf, int rows, float* t, nint ldt)
    {
        // Four rows at a time within 128-bit lanes, then lanes across the groups of four.
        Quad(f, ldf, out var a0, out var a1, out var a2, out var a3);
        Quad(f + 4 * ldf, ldf, out var b0, out var b1, out var b2, out var b3);
        Vector512<float> c0 = a0, c1 = a1, c2 = a2, c3 = a3;
        if (rows > 8) Quad(f + 8 * ldf, ldf, out c0, out c1, out c2, out c3);
        Vector512<float> d0 = c0, d1 = c1, d2 = c2, d3 = c3;
        if (rows > 12) Quad(f + 12 * ldf, ldf, out d0, out d1, out d2, out d3);
        Lanes(a0, b0, c0, d0, rows, t, ldt);
        Lanes(a1, b1, c1, d1, rows, t + ldt, ldt);
        Lanes(a2, b2, c2, d2, rows, t + 2 * ldt, ldt);
        Lanes(a3, b3, c3, d3, rows, t + 3 * ldt, ldt);
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

    /// <summary>Transposes the 4 x 4 matrix of lanes and stores the first values of rows 0, 4, 8 and 12 from <paramref name="t"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lanes(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, int rows, float* t, nint ldt)
    {
        Vector512<float> ab = Avx512F.Shuffle4x128(a, b, 0x44), cd = Avx512F.Shuffle4x128(c, d, 0x44);
        Vector512<float> ef = Avx512F.Shuffle4x128(a, b, 0xEE), gh = Avx512F.Shuffle4x128(c, d, 0xEE);
        Put(Avx512F.Shuffle4x128(ab, cd, 0x88), rows, t);
        Put(Avx512F.Shuffle4x128(ab, cd, 0xDD), rows, t + 4 * ldt);
        Put(Avx512F.Shuffle4x128(ef, gh, 0x88), rows, t + 8 * ldt);
        Put(Avx512F.Shuffle4x128(ef, gh, 0xDD), rows, t + 12 * ldt);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector512<float> values, int count, float* t)
    {
        if (count == 16)
        {
            values.Store(t);
            return;
        }
        values.GetLower().Store(t);
        if (count == 12) values.GetUpper().GetLower().Store(t + 8);
    }
}
