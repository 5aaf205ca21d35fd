using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Forces between points of the plane under the kernel q = 1 / (1 + d^2), Student's t distribution with one degree of freedom: what t-SNE needs of its positions.</summary>
public static unsafe class StudentForces
{
    /// <summary>Adds up the repulsion of point masses at some points: sum of m q^2 (y - source) and sum of m q.</summary>
    /// <param name="x">First coordinates of the points.</param>
    /// <param name="y">Second coordinates.</param>
    /// <param name="sourceX">First coordinates of the masses.</param>
    /// <param name="sourceY">Second coordinates.</param>
    /// <param name="mass">Masses.</param>
    /// <param name="forceX">First component of each point's force; replaced.</param>
    /// <param name="forceY">Second component; replaced.</param>
    /// <param name="total">Sum of m q at each point; replaced.</param>
    public static void Repulsion(ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> sourceX, ReadOnlySpan<float> sourceY, ReadOnlySpan<float> mass,
        Span<float> forceX, Span<float> forceY, Span<float> total)
    {
        int n = x.Length, sources = sourceX.Length;
        Guard.SameLength(n, y.Length);
        Guard.SameLength(sources, sourceY.Length);
        Guard.SameLength(sources, mass.Length);
        Guard.Length(forceX.Length, n);
        Guard.Length(forceY.Length, n);
        Guard.Length(total.Length, n);
        fixed (float* px = x, py = y, sx = sourceX, sy = sourceY, m = mass, fx = forceX, fy = forceY, z = total)
            Workers.Inline.ForVectors(1, new RepulsionKernel { X = px, Y = py, SourceX = sx, SourceY = sy, Mass = m, ForceX = fx, ForceY = fy, Total = z, Count = n, Sources = sources });
    }

    /// <summary>Adds up the attraction of some points on one: sum of p q (at - neighbour).</summary>
    /// <param name="x">First coordinates of all points.</param>
    /// <param name="y">Second coordinates.</param>
    /// <param name="at">Number of the point.</param>
    /// <param name="neighbors">Numbers of its neighbours.</param>
    /// <param name="weights">p of each neighbour.</param>
    public static (float X, float Y) Attraction(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int at, ReadOnlySpan<int> neighbors, ReadOnlySpan<float> weights)
    {
        Guard.SameLength(neighbors.Length, weights.Length);
        Guard.SameLength(x.Length, y.Length);
        if ((uint)at >= (uint)x.Length) throw new ArgumentOutOfRangeException(nameof(at), at, $"there are {x.Length} points");
        Guard.Below(neighbors, x.Length);
        float* force = stackalloc float[2];
        fixed (float* px = x, py = y, w = weights)
        fixed (int* index = neighbors)
            Workers.Inline.ForVectors(1, new AttractionKernel { X = px, Y = py, AtX = x[at], AtY = y[at], Neighbors = index, Weights = w, Count = neighbors.Length, Force = force });
        return (force[0], force[1]);
    }

    private struct RepulsionKernel : IVectorKernel
    {
        internal float* X, Y, SourceX, SourceY, Mass, ForceX, ForceY, Total;
        internal int Count, Sources;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            for (int i = 0; i < Count; i += T.Count)
            {
                int lanes = Math.Min(T.Count, Count - i);
                bool whole = lanes == T.Count;
                T x = whole ? T.Load(X + i) : T.LoadPartial(X + i, lanes), y = whole ? T.Load(Y + i) : T.LoadPartial(Y + i, lanes);
                T fx = T.Zero, fy = T.Zero, z = T.Zero, one = T.Create(1);
                for (int s = 0; s < Sources; s++)
                {
                    T dx = x - T.Create(SourceX[s]), dy = y - T.Create(SourceY[s]);
                    T q = one / T.Fma(dx, dx, T.Fma(dy, dy, one)), mq = T.Create(Mass[s]) * q;
                    z += mq;
                    mq *= q;
                    fx = T.Fma(mq, dx, fx);
                    fy = T.Fma(mq, dy, fy);
                }
                Store(ForceX + i, fx, lanes);
                Store(ForceY + i, fy, lanes);
                Store(Total + i, z, lanes);
            }
        }

        private static void Store<T>(float* p, T value, int lanes) where T : struct, IVec<T>
        {
            if (lanes == T.Count) T.Store(p, value);
            else T.StorePartial(p, value, lanes);
        }
    }

    private struct AttractionKernel : IVectorKernel
    {
        internal float* X, Y, Weights, Force;
        internal int* Neighbors;
        internal float AtX, AtY;
        internal int Count;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            float* gathered = stackalloc float[2 * T.Count];
            T x = T.Create(AtX), y = T.Create(AtY), fx = T.Zero, fy = T.Zero, one = T.Create(1);
            for (int e = 0; e < Count; e += T.Count)
            {
                int lanes = Math.Min(T.Count, Count - e);
                for (int l = 0; l < lanes; l++)
                {
                    int j = Neighbors[e + l];
                    (gathered[l], gathered[T.Count + l]) = (X[j], Y[j]);
                }
                T weight = lanes == T.Count ? T.Load(Weights + e) : T.LoadPartial(Weights + e, lanes);
                T dx = x - T.Load(gathered), dy = y - T.Load(gathered + T.Count);
                if (lanes < T.Count)
                {
                    // What stands in the other lanes is of the last round, or nothing at all.
                    T mask = T.FirstLanes(lanes);
                    (dx, dy) = (dx & mask, dy & mask);
                }
                T pq = weight / T.Fma(dx, dx, T.Fma(dy, dy, one));
                fx = T.Fma(pq, dx, fx);
                fy = T.Fma(pq, dy, fy);
            }
            Force[0] = (float)T.SumAcross(fx);
            Force[1] = (float)T.SumAcross(fy);
        }
    }
}
