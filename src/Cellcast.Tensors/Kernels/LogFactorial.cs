namespace Cellcast.Tensors.Kernels;

/// <summary>log(x!) in double precision: from a table for the small whole numbers that counts are, by the Gamma function elsewhere.</summary>
internal static class LogFactorial
{
    private const int Size = 2048;
    private static readonly double[] s_table = Table();

    /// <summary>log(x!), x not negative.</summary>
    public static double Of(float x) => x < Size && x == (int)x ? s_table[(int)x] : Reference.LogGamma(x + 1.0);

    /// <summary>log(x!) - x log(x) + x, x > 0.</summary>
    public static double Remainder(float x) => x < 32 ? Of(x) - x * (Math.Log(x) - 1) : Stirling(x);

    /// <summary>log(2 pi x)/2 + 1/(12 x) - 1/(360 x^3), whose next term is below 3e-11 from 32 on.</summary>
    private static double Stirling(double x) => 0.5 * Math.Log(2 * Math.PI * x) + (1.0 / 12 - 1 / (360 * x * x)) / x;

    private static double[] Table()
    {
        var t = new double[Size];
        for (int i = 2; i < Size; i++) t[i] = Reference.LogGamma(i + 1.0);
        return t;
    }
}
