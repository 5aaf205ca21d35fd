namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>A vector of floats of some machine width. Kernels are written once against this and compiled for each width; comparison results are
/// masks in the same type (all bits set or none), and integer operations act on the bit patterns of the elements.</summary>
internal unsafe interface IVec<T> where T : struct, IVec<T>
{
    static abstract int Count { get; }
    static abstract T Zero { get; }
    static abstract T Create(float value);
    static abstract T CreateBits(int value);
    static abstract T Load(float* p);

    /// <summary>Mask of the first <paramref name="count"/> elements.</summary>
    static abstract T FirstLanes(int count);

    /// <summary>Loads the first <paramref name="count"/> elements (less than a whole vector) and zeros; touches no memory beyond them.</summary>
    static abstract T LoadPartial(float* p, int count);
    static abstract void Store(float* p, T value);

    /// <summary>Stores the first <paramref name="count"/> elements (less than a whole vector); touches no memory beyond them.</summary>
    static abstract void StorePartial(float* p, T value, int count);

    static abstract T operator +(T a, T b);
    static abstract T operator -(T a, T b);
    static abstract T operator *(T a, T b);
    static abstract T operator /(T a, T b);
    static abstract T operator -(T a);
    static abstract T operator &(T a, T b);
    static abstract T operator |(T a, T b);
    static abstract T operator ^(T a, T b);

    /// <summary>a b + c, in one rounding where the machine has it.</summary>
    static abstract T Fma(T a, T b, T c);
    static abstract T Min(T a, T b);
    static abstract T Max(T a, T b);
    static abstract T Abs(T a);
    static abstract T Sqrt(T a);
    static abstract T Round(T a);
    static abstract T Less(T a, T b);
    static abstract T LessOrEqual(T a, T b);
    static abstract T Equal(T a, T b);
    static abstract T Select(T mask, T whereTrue, T whereFalse);

    /// <summary>Whether any element of a mask is set.</summary>
    static abstract bool Any(T mask);

    /// <summary>Bit patterns of the integers nearest to zero from each (integral) value.</summary>
    static abstract T ToInt(T a);

    /// <summary>The integers of the bit patterns as floats.</summary>
    static abstract T FromInt(T a);
    static abstract T AddInt(T a, T b);
    static abstract T SubtractInt(T a, T b);
    static abstract T ShiftLeft(T a, int bits);
    static abstract T ShiftRightArithmetic(T a, int bits);

    /// <summary>Whether <see cref="StoreMarked"/> and <see cref="LoadMarked"/> are there.</summary>
    static abstract bool SelectsLanes { get; }

    /// <summary>Stores the elements whose byte in <paramref name="marks"/> is set one after the other, and anything behind them up to a whole vector.</summary>
    /// <returns>How many are marked.</returns>
    static abstract int StoreMarked(float* to, T value, sbyte* marks);

    /// <summary>Numbers that lie one after the other, each at the next element whose byte in <paramref name="marks"/> is set; 0 elsewhere. Reads a whole vector.</summary>
    static abstract T LoadMarked(float* from, sbyte* marks, out int count);

    /// <summary>Sum of the elements, in double precision and in a fixed order.</summary>
    static abstract double SumAcross(T a);
    static abstract float MaxAcross(T a);
}
