namespace Cellcast.Tensors;

/// <summary>A sum of logarithms in double precision as the logarithm of a product: exponents are added, mantissas multiplied, and one logarithm is taken for hundreds of numbers.</summary>
internal struct LogSum
{
    private const int MantissaBits = 52, ExponentMask = 0x7FF, Bias = 1023;

    /// <summary>Mantissas are below 2: so many of them stay within the range of a double.</summary>
    private const int MostFactors = 512;

    private double _product = 1;
    private double _sum;
    private long _exponents;
    private int _factors;

    public LogSum()
    {
    }

    /// <summary>Adds log(x).</summary>
    public void Add(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x);
        int exponent = (int)(bits >> MantissaBits);
        // 0, subnormal, negative, infinite, no number: as the library has it.
        if (exponent is <= 0 or >= ExponentMask)
        {
            _sum += Math.Log(x);
            return;
        }
        _exponents += exponent - Bias;
        _product *= BitConverter.Int64BitsToDouble((bits & ((1L << MantissaBits) - 1)) | ((long)Bias << MantissaBits));
        if (++_factors < MostFactors) return;
        _sum += Math.Log(_product);
        _product = 1;
        _factors = 0;
    }

    /// <summary>The sum so far.</summary>
    public readonly double Total => _sum + Math.Log(_product) + _exponents * Math.Log(2);
}
