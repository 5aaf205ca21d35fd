using System.Numerics;
using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

/// <summary>A function of two numbers, for one pair and for many at once.</summary>
internal interface IBinaryFunction
{
    static abstract float Apply(float a, float b);

    static abstract Vector<float> Apply(Vector<float> a, Vector<float> b);
}

internal readonly struct AddTwo : IBinaryFunction
{
    public static float Apply(float a, float b) => a + b;

    public static Vector<float> Apply(Vector<float> a, Vector<float> b) => a + b;
}

internal readonly struct SubtractTwo : IBinaryFunction
{
    public static float Apply(float a, float b) => a - b;

    public static Vector<float> Apply(Vector<float> a, Vector<float> b) => a - b;
}

internal readonly struct MultiplyTwo : IBinaryFunction
{
    public static float Apply(float a, float b) => a * b;

    public static Vector<float> Apply(Vector<float> a, Vector<float> b) => a * b;
}

internal readonly struct DivideTwo : IBinaryFunction
{
    public static float Apply(float a, float b) => a / b;

    public static Vector<float> Apply(Vector<float> a, Vector<float> b) => a / b;
}

internal readonly struct DivideSecondByFirst : IBinaryFunction
{
    public static float Apply(float a, float b) => b / a;

    public static Vector<float> Apply(Vector<float> a, Vector<float> b) => b / a;
}

internal readonly struct TwiceProduct : IBinaryFunction
{
    public static float Apply(float a, float b) => 2 * a * b;

    public static Vector<float> Apply(Vector<float> a, Vector<float> b) => (a + a) * b;
}

internal readonly struct HalfQuotient : IBinaryFunction
{
    public static float Apply(float a, float b) => 0.5f * b / a;

    public static Vector<float> Apply(Vector<float> a, Vector<float> b) => new Vector<float>(0.5f) * b / a;
}

internal readonly struct SqrtOfFirst : IBinaryFunction
{
    public static float Apply(float a, float b) => MathF.Sqrt(a);

    public static Vector<float> Apply(Vector<float> a, Vector<float> b) => Vector.SquareRoot(a);
}

/// <summary>y = f(a, b) or y += f(a, b) with b spread over the rows or columns of a, in parallel blocks of rows. Memory bandwidth is the limit.</summary>
internal static unsafe class BroadcastLoops
{
    private const int BlockElements = 1 << 15;

    internal static void Run<TFunction>(Workers workers, Tensor a, Tensor b, Broadcast broadcast, Tensor y, bool accumulate = false) where TFunction : struct, IBinaryFunction
    {
        int needed = broadcast switch { Broadcast.None => a.Length, Broadcast.Row => a.Columns, Broadcast.Column => a.Rows, _ => 1 };
        if (y.Length != a.Length || b.Length != needed) throw new ArgumentException($"shapes {a.ShapeText} and {b.ShapeText} (spread: {broadcast}) do not make one of {y.ShapeText}");
        // Equal shapes and single numbers do not care about rows: treat everything as rows of one block each.
        bool flat = broadcast is Broadcast.None or Broadcast.Scalar;
        int columns = flat ? Math.Min(BlockElements, Math.Max(1, a.Length)) : a.Columns;
        int rows = flat ? (int)(((long)a.Length + columns - 1) / columns) : a.Rows;
        if (rows == 0 || columns == 0) return;
        int rowsPerBlock = Math.Max(1, BlockElements / columns);
        workers.For((rows + rowsPerBlock - 1) / rowsPerBlock, new Work<TFunction>
        {
            A = Pointer(a),
            B = Pointer(b),
            Y = Pointer(y),
            Length = a.Length,
            Rows = rows,
            Columns = columns,
            RowsPerBlock = rowsPerBlock,
            Broadcast = broadcast,
            Accumulate = accumulate,
        });
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        GC.KeepAlive(y);
    }

    private static float* Pointer(Tensor t) => ((HostStorage)t.Storage).Pointer;

    private struct Work<TFunction> : IBlockWork where TFunction : struct, IBinaryFunction
    {
        internal float* A;
        internal float* B;
        internal float* Y;
        internal int Length, Rows, Columns, RowsPerBlock;
        internal Broadcast Broadcast;
        internal bool Accumulate;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int block)
        {
            int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
            for (int r = block * RowsPerBlock; r < end; r++)
            {
                long start = (long)r * Columns;
                int count = (int)Math.Min(Columns, Length - start);
                var a = new ReadOnlySpan<float>(A + start, count);
                var y = new Span<float>(Y + start, count);
                switch (Broadcast)
                {
                    case Broadcast.None: Vectors(a, new ReadOnlySpan<float>(B + start, count), y); break;
                    case Broadcast.Row: Vectors(a, new ReadOnlySpan<float>(B, count), y); break;
                    default: OneNumber(a, B[Broadcast == Broadcast.Column ? r : 0], y); break;
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Vectors(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
        {
            int i = 0;
            for (; i <= y.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                var v = TFunction.Apply(new Vector<float>(a[i..]), new Vector<float>(b[i..]));
                (Accumulate ? new Vector<float>(y[i..]) + v : v).CopyTo(y[i..]);
            }
            for (; i < y.Length; i++) y[i] = Accumulate ? y[i] + TFunction.Apply(a[i], b[i]) : TFunction.Apply(a[i], b[i]);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void OneNumber(ReadOnlySpan<float> a, float b, Span<float> y)
        {
            var wide = new Vector<float>(b);
            int i = 0;
            for (; i <= y.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                var v = TFunction.Apply(new Vector<float>(a[i..]), wide);
                (Accumulate ? new Vector<float>(y[i..]) + v : v).CopyTo(y[i..]);
            }
            for (; i < y.Length; i++) y[i] = Accumulate ? y[i] + TFunction.Apply(a[i], b) : TFunction.Apply(a[i], b);
        }
    }
}
