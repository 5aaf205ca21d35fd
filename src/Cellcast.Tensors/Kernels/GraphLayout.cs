using Cellcast.Tensors.Kernels.Simd;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Kernels;

/// <summary>A weighted graph in compressed rows, for <see cref="GraphLayout"/>.</summary>
/// <param name="rowStart">Edges of vertex i are <c>rowStart[i] .. rowStart[i + 1]</c>.</param>
/// <param name="neighbors">Other end of each edge: number of an anchor.</param>
/// <param name="rates">How often each edge is used: times per epoch as a multiple of 2^-31, at most <see cref="GraphLayout.EveryEpoch"/>.</param>
public readonly ref struct LayoutGraph(ReadOnlySpan<int> rowStart, ReadOnlySpan<int> neighbors, ReadOnlySpan<uint> rates)
{
    /// <summary>Edges of vertex i are <c>RowStart[i] .. RowStart[i + 1]</c>.</summary>
    public ReadOnlySpan<int> RowStart { get; } = rowStart;

    /// <summary>Other end of each edge.</summary>
    public ReadOnlySpan<int> Neighbors { get; } = neighbors;

    /// <summary>How often each edge is used, in 2^-31 times per epoch.</summary>
    public ReadOnlySpan<uint> Rates { get; } = rates;

    /// <summary>Number of vertices.</summary>
    public int Count => RowStart.Length - 1;
}

/// <summary>What one epoch of <see cref="GraphLayout"/> does.</summary>
public readonly record struct LayoutStep
{
    /// <summary>Number of the epoch, from 1: an edge is used in those epochs n in which the whole part of n times its rate rises.</summary>
    public required int Epoch { get; init; }

    /// <summary>Step length.</summary>
    public required float LearningRate { get; init; }

    /// <summary>a of the curve 1 / (1 + a d^(2b)).</summary>
    public required float A { get; init; }

    /// <summary>b of the curve.</summary>
    public required float B { get; init; }

    /// <summary>Weight of the repulsion.</summary>
    public required float Repulsion { get; init; }

    /// <summary>Anchors drawn for each used edge.</summary>
    public required int NegativeSamples { get; init; }

    /// <summary>Whether a used edge pulls its vertex twice, as one end and as the other: so when anchors are the vertices themselves and every edge is stored in both directions.</summary>
    public required bool BothEnds { get; init; }

    /// <summary>Names the random numbers of the layout; epochs and vertices split it.</summary>
    public required RandomKey Key { get; init; }
}

/// <summary>
/// Stochastic gradient steps of UMAP's layout (McInnes, Healy and Melville 2018, algorithm 5), gathered by vertex: a vertex walks through its used edges one after another, and sees
/// all other vertices where they were when the epoch began. So vertices are independent of one another within an epoch; sixteen of them are computed side by side.
/// </summary>
public static unsafe class GraphLayout
{
    /// <summary>Rate of an edge that is used in every epoch.</summary>
    public const uint EveryEpoch = 1u << 31;

    /// <summary>Vertices that are computed side by side, whatever the machine: vertices next to each other should have a like number of edges.</summary>
    public const int Group = 16;

    private const int GroupsPerBlock = 8;

    /// <summary>Moves all vertices through one epoch.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="graph">Edges from vertices to anchors.</param>
    /// <param name="step">What to do.</param>
    /// <param name="dimensions">2 or 3.</param>
    /// <param name="anchors">Where the anchors are: all first coordinates, then all second ones, and so on.</param>
    /// <param name="positions">Where the vertices are, in the same order; moved. May not overlap the anchors.</param>
    public static void Move(Workers workers, LayoutGraph graph, in LayoutStep step, int dimensions, ReadOnlySpan<float> anchors, Span<float> positions)
    {
        ArgumentNullException.ThrowIfNull(workers);
        if (dimensions is not (2 or 3)) throw new ArgumentOutOfRangeException(nameof(dimensions), dimensions, "a layout has 2 or 3 dimensions");
        if (graph.RowStart.IsEmpty) throw new ArgumentException("a graph needs at least one row position", nameof(graph));
        ArgumentOutOfRangeException.ThrowIfLessThan(step.Epoch, 1, nameof(step.Epoch));
        ArgumentOutOfRangeException.ThrowIfNegative(step.NegativeSamples, nameof(step.NegativeSamples));
        int n = graph.Count, count = anchors.Length / dimensions;
        if (anchors.Length % dimensions != 0) throw new ArgumentException($"{anchors.Length} coordinates of anchors do not divide among {dimensions} dimensions", nameof(anchors));
        if (positions.Overlaps(anchors)) throw new ArgumentException("positions and anchors are the same memory", nameof(positions));
        Guard.Rows(positions.Length, n, dimensions);
        if (graph.RowStart[0] < 0) throw new ArgumentException($"the edges of vertex 0 begin at {graph.RowStart[0]}", nameof(graph));
        for (int i = 0; i < n; i++)
            if (graph.RowStart[i + 1] < graph.RowStart[i]) throw new ArgumentException($"the edges of vertex {i} end at {graph.RowStart[i + 1]}, before they begin at {graph.RowStart[i]}", nameof(graph));
        Guard.Length(graph.Neighbors.Length, graph.RowStart[n]);
        Guard.Length(graph.Rates.Length, graph.RowStart[n]);
        if (n == 0 || count == 0) return;
        Guard.Below(graph.Neighbors[graph.RowStart[0]..graph.RowStart[n]], count);
        int groups = (n + Group - 1) / Group;
        fixed (int* start = graph.RowStart, neighbors = graph.Neighbors)
        fixed (uint* rates = graph.Rates)
        fixed (float* from = anchors, to = positions)
            workers.ForVectors((groups + GroupsPerBlock - 1) / GroupsPerBlock, new LayoutKernel
            {
                Step = step,
                Key = step.Key.Split(step.Epoch),
                Start = start,
                Neighbors = neighbors,
                Rates = rates,
                Anchors = from,
                Positions = to,
                Count = n,
                AnchorCount = count,
                Dimensions = dimensions,
                Groups = groups,
            });
    }

    private struct LayoutKernel : IVectorKernel
    {
        internal LayoutStep Step;
        internal RandomKey Key;
        internal int* Start, Neighbors;
        internal uint* Rates;
        internal float* Anchors, Positions;
        internal int Count, AnchorCount, Dimensions, Groups;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int end = Math.Min(Groups, (block + 1) * GroupsPerBlock);
            for (int g = block * GroupsPerBlock; g < end; g++) MoveGroup<T>(g);
        }

        private readonly void MoveGroup<T>(int group) where T : struct, IVec<T>
        {
            int first = group * Group, vertices = Math.Min(Group, Count - first), most = 0;
            for (int l = 0; l < vertices; l++) most = Math.Max(most, Start[first + l + 1] - Start[first + l]);
            if (most == 0) return;
            using Scratch edges = Scratch.Rent((long)most * Group);
            float* used = stackalloc float[Group];
            int slots = UsedEdges(first, vertices, (int*)edges.Pointer, used);
            if (slots == 0) return;
            int negatives = Step.NegativeSamples, samples = slots * negatives * Group;
            int words = (samples + Philox.GroupWords - 1) / Philox.GroupWords * Philox.GroupWords;
            using Scratch random = Scratch.Rent(Math.Max(1, words));
            using Scratch attracting = Scratch.Rent((long)slots * Group * Dimensions);
            using Scratch repelling = Scratch.Rent(Math.Max(1, (long)samples * Dimensions));
            Philox.Fill(Key.Split(group), 0, new Span<uint>(random.Pointer, words));
            int* drawn = (int*)random.Pointer;
            for (int s = 0; s < samples; s++) drawn[s] = (int)(((ulong)(uint)drawn[s] * (uint)AnchorCount) >> 32);
            for (int d = 0; d < Dimensions; d++)
            {
                float* p = Anchors + (nint)d * AnchorCount;
                Gather(p, (int*)edges.Pointer, slots * Group, attracting.Pointer + (nint)d * slots * Group);
                Gather(p, drawn, samples, repelling.Pointer + (nint)d * samples);
            }
            for (int lane = 0; lane < vertices; lane += T.Count)
            {
                if (Dimensions == 2) Walk2<T>(first + lane, Math.Min(T.Count, vertices - lane), slots, lane, used + lane, attracting.Pointer, repelling.Pointer);
                else Walk3<T>(first + lane, Math.Min(T.Count, vertices - lane), slots, lane, used + lane, attracting.Pointer, repelling.Pointer);
            }
        }

        private static void Gather(float* from, int* index, int count, float* to)
        {
            for (int i = 0; i < count; i++) to[i] = from[index[i]];
        }

        /// <summary>The edges that this epoch uses, the s-th of each vertex side by side; vertices that have fewer are filled up with an anchor that is not looked at.</summary>
        private readonly int UsedEdges(int first, int vertices, int* edges, float* used)
        {
            ulong now = (ulong)Step.Epoch, before = now - 1;
            int slots = 0;
            for (int l = 0; l < Group; l++)
            {
                int count = 0;
                if (l < vertices)
                    for (int e = Start[first + l]; e < Start[first + l + 1]; e++)
                    {
                        ulong rate = Rates[e];
                        if ((now * rate) >> 31 == (before * rate) >> 31) continue;
                        edges[count++ * Group + l] = Neighbors[e];
                    }
                used[l] = count;
                slots = Math.Max(slots, count);
            }
            for (int l = 0; l < Group; l++)
                for (int s = (int)used[l]; s < slots; s++) edges[s * Group + l] = 0;
            return slots;
        }

        private readonly void Walk2<T>(int vertex, int lanes, int slots, int lane, float* used, float* attracting, float* repelling) where T : struct, IVec<T>
        {
            int negatives = Step.NegativeSamples, samples = slots * negatives * Group;
            var force = new LayoutForce<T>(Step);
            T x = Load<T>(Positions + vertex, lanes), y = Load<T>(Positions + Count + vertex, lanes), last = T.Load(used), rate = T.Create(Step.LearningRate);
            for (int s = 0; s < slots; s++)
            {
                T step = T.Less(T.Create(s), last) & rate;
                float* p = attracting + s * Group + lane;
                T dx = x - T.Load(p), dy = y - T.Load(p + slots * Group);
                T c = force.Attraction(T.Fma(dx, dx, dy * dy));
                x = T.Fma(step, LayoutForce<T>.Clip(c * dx), x);
                y = T.Fma(step, LayoutForce<T>.Clip(c * dy), y);
                for (int k = 0; k < negatives; k++)
                {
                    float* q = repelling + (s * negatives + k) * Group + lane;
                    dx = x - T.Load(q);
                    dy = y - T.Load(q + samples);
                    c = force.Repulsion(T.Fma(dx, dx, dy * dy));
                    x = T.Fma(step, LayoutForce<T>.Clip(c * dx), x);
                    y = T.Fma(step, LayoutForce<T>.Clip(c * dy), y);
                }
                if (!Step.BothEnds) continue;
                dx = x - T.Load(p);
                dy = y - T.Load(p + slots * Group);
                c = force.Attraction(T.Fma(dx, dx, dy * dy));
                x = T.Fma(step, LayoutForce<T>.Clip(c * dx), x);
                y = T.Fma(step, LayoutForce<T>.Clip(c * dy), y);
            }
            Store(Positions + vertex, x, lanes);
            Store(Positions + Count + vertex, y, lanes);
        }

        private readonly void Walk3<T>(int vertex, int lanes, int slots, int lane, float* used, float* attracting, float* repelling) where T : struct, IVec<T>
        {
            int negatives = Step.NegativeSamples, samples = slots * negatives * Group;
            var force = new LayoutForce<T>(Step);
            T x = Load<T>(Positions + vertex, lanes), y = Load<T>(Positions + Count + vertex, lanes), z = Load<T>(Positions + 2 * (nint)Count + vertex, lanes);
            T last = T.Load(used), rate = T.Create(Step.LearningRate);
            for (int s = 0; s < slots; s++)
            {
                T step = T.Less(T.Create(s), last) & rate;
                float* p = attracting + s * Group + lane;
                T dx = x - T.Load(p), dy = y - T.Load(p + slots * Group), dz = z - T.Load(p + 2 * slots * Group);
                T c = force.Attraction(T.Fma(dx, dx, T.Fma(dy, dy, dz * dz)));
                x = T.Fma(step, LayoutForce<T>.Clip(c * dx), x);
                y = T.Fma(step, LayoutForce<T>.Clip(c * dy), y);
                z = T.Fma(step, LayoutForce<T>.Clip(c * dz), z);
                for (int k = 0; k < negatives; k++)
                {
                    float* q = repelling + (s * negatives + k) * Group + lane;
                    dx = x - T.Load(q);
                    dy = y - T.Load(q + samples);
                    dz = z - T.Load(q + 2 * samples);
                    c = force.Repulsion(T.Fma(dx, dx, T.Fma(dy, dy, dz * dz)));
                    x = T.Fma(step, LayoutForce<T>.Clip(c * dx), x);
                    y = T.Fma(step, LayoutForce<T>.Clip(c * dy), y);
                    z = T.Fma(step, LayoutForce<T>.Clip(c * dz), z);
                }
                if (!Step.BothEnds) continue;
                dx = x - T.Load(p);
                dy = y - T.Load(p + slots * Group);
                dz = z - T.Load(p + 2 * slots * Group);
                c = force.Attraction(T.Fma(dx, dx, T.Fma(dy, dy, dz * dz)));
                x = T.Fma(step, LayoutForce<T>.Clip(c * dx), x);
                y = T.Fma(step, LayoutForce<T>.Clip(c * dy), y);
                z = T.Fma(step, LayoutForce<T>.Clip(c * dz), z);
            }
            Store(Positions + vertex, x, lanes);
            Store(Positions + Count + vertex, y, lanes);
            Store(Positions + 2 * (nint)Count + vertex, z, lanes);
        }

        private static T Load<T>(float* p, int lanes) where T : struct, IVec<T> => lanes == T.Count ? T.Load(p) : T.LoadPartial(p, lanes);

        private static void Store<T>(float* p, T value, int lanes) where T : struct, IVec<T>
        {
            if (lanes == T.Count) T.Store(p, value);
            else T.StorePartial(p, value, lanes);
        }
    }
}
