using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Tests.Kernels;

public class LayoutKernelTests
{
    private const int Anchors = 50;

    [Theory]
    [InlineData(2, 1, true, 5)]
    [InlineData(2, 37, true, 5)]
    [InlineData(2, 37, false, 0)]
    [InlineData(3, 50, true, 3)]
    [InlineData(3, 18, false, 5)]
    public void Layout_equals_the_walk_of_each_vertex_on_its_own(int dimensions, int n, bool bothEnds, int negatives)
    {
        var (start, neighbors, rates) = Graph(n);
        float[] anchors = Samples.Uniform(1, dimensions * Anchors, -3, 3), positions = Samples.Uniform(2, dimensions * n, -3, 3);
        // One vertex on top of an anchor: no direction, no step.
        if (neighbors.Length > 0)
            for (int c = 0; c < dimensions; c++) positions[c * n] = anchors[c * Anchors + neighbors[0]];
        for (int epoch = 1; epoch <= 4; epoch++)
        {
            var step = new LayoutStep { Epoch = epoch, LearningRate = 0.7f, A = 0.583f, B = 1.334f, Repulsion = 1.2f, NegativeSamples = negatives, BothEnds = bothEnds, Key = RandomKey.From(3, "layout") };
            float[] expected = Reference(start, neighbors, rates, step, dimensions, anchors, positions), two = [.. positions];
            GraphLayout.Move(Workers.Inline, new LayoutGraph(start, neighbors, rates), step, dimensions, anchors, positions);
            Assert.True(Samples.RelativeDistance(positions, expected) < 3e-5, $"epoch {epoch}: {Samples.RelativeDistance(positions, expected)}");
            using var workers = new Workers(3);
            GraphLayout.Move(workers, new LayoutGraph(start, neighbors, rates), step, dimensions, anchors, two);
            Assert.Equal(Samples.Bits(positions), Samples.Bits(two));
        }
    }

    [Fact]
    public void An_edge_is_used_as_often_as_its_rate_says()
    {
        // Attraction alone, to an anchor far away: every use is one clipped step.
        uint[] rates = [GraphLayout.EveryEpoch, GraphLayout.EveryEpoch / 2, GraphLayout.EveryEpoch / 3, 1];
        float[] anchors = [1e6f, 0], positions = new float[8];
        var near = new float[8];
        for (int epoch = 1; epoch <= 60; epoch++)
        {
            var step = new LayoutStep { Epoch = epoch, LearningRate = 1, A = 1, B = 2, Repulsion = 1, NegativeSamples = 0, BothEnds = false, Key = RandomKey.From(0, "none") };
            float[] before = [.. positions];
            GraphLayout.Move(Workers.Inline, new LayoutGraph([0, 1, 2, 3, 4], [0, 0, 0, 0], rates), step, 2, anchors, positions);
            for (int i = 0; i < 4; i++)
                if (positions[i] != before[i]) near[i]++;
        }
        Assert.Equal(60, near[0]);
        Assert.Equal(30, near[1]);
        Assert.Equal(19, near[2], 1f);
        Assert.Equal(0, near[3]);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 33)]
    [InlineData(40, 257)]
    public void Forces_of_students_kernel_equal_their_sums(int points, int masses)
    {
        float[] x = Samples.Uniform(1, points, -5, 5), y = Samples.Uniform(2, points, -5, 5), sx = Samples.Uniform(3, masses, -5, 5), sy = Samples.Uniform(4, masses, -5, 5), m = Samples.Uniform(5, masses, 1, 9);
        float[] fx = new float[points], fy = new float[points], total = new float[points], ex = new float[points], ey = new float[points], et = new float[points];
        StudentForces.Repulsion(x, y, sx, sy, m, fx, fy, total);
        int[] neighbors = [.. Enumerable.Range(0, masses).Select(j => j * 7 % points)];
        for (int i = 0; i < points; i++)
        {
            double ax = 0, ay = 0, az = 0, bx = 0, by = 0;
            for (int j = 0; j < masses; j++)
            {
                double dx = (double)x[i] - sx[j], dy = (double)y[i] - sy[j], q = 1 / (1 + dx * dx + dy * dy);
                (ax, ay, az) = (ax + m[j] * q * q * dx, ay + m[j] * q * q * dy, az + m[j] * q);
                (dx, dy) = ((double)x[i] - x[neighbors[j]], (double)y[i] - y[neighbors[j]]);
                (bx, by) = (bx + m[j] * dx / (1 + dx * dx + dy * dy), by + m[j] * dy / (1 + dx * dx + dy * dy));
            }
            (ex[i], ey[i], et[i]) = ((float)ax, (float)ay, (float)az);
            var (gx, gy) = StudentForces.Attraction(x, y, i, neighbors, m);
            double size = m.Sum(v => (double)v);
            Assert.Equal(bx, gx, 1e-5 * size);
            Assert.Equal(by, gy, 1e-5 * size);
        }
        Assert.True(Samples.RelativeDistance(fx, ex) < 1e-5);
        Assert.True(Samples.RelativeDistance(fy, ey) < 1e-5);
        Assert.True(Samples.RelativeDistance(total, et) < 1e-6);
    }

    private static (int[] Start, int[] Neighbors, uint[] Rates) Graph(int n)
    {
        var random = new System.Random(4);
        var start = new int[n + 1];
        List<int> neighbors = [];
        List<uint> rates = [];
        for (int i = 0; i < n; i++)
        {
            for (int e = random.Next(i % 5 == 4 ? 1 : 9); e > 0; e--)
            {
                neighbors.Add(random.Next(Anchors));
                rates.Add(random.Next(3) == 0 ? GraphLayout.EveryEpoch : (uint)random.NextInt64(GraphLayout.EveryEpoch));
            }
            start[i + 1] = neighbors.Count;
        }
        return (start, [.. neighbors], [.. rates]);
    }

    /// <summary>One vertex after the other in double precision, as the algorithm is written.</summary>
    private static float[] Reference(int[] start, int[] neighbors, uint[] rates, LayoutStep step, int dimensions, float[] anchors, float[] positions)
    {
        int n = start.Length - 1;
        float[] result = [.. positions];
        for (int i = 0; i < n; i++)
        {
            double[] at = [.. Enumerable.Range(0, dimensions).Select(c => (double)positions[c * n + i])];
            RandomKey key = step.Key.Split(step.Epoch).Split(i / GraphLayout.Group);
            int slot = 0;
            for (int e = start[i]; e < start[i + 1]; e++)
            {
                if ((ulong)step.Epoch * rates[e] >> 31 == (ulong)(step.Epoch - 1) * rates[e] >> 31) continue;
                Pull(at, neighbors[e]);
                for (int k = 0; k < step.NegativeSamples; k++)
                {
                    uint word = key.Bits((slot * step.NegativeSamples + k) * GraphLayout.Group + i % GraphLayout.Group);
                    int other = (int)((ulong)word * Anchors >> 32);
                    double d2 = Squared(at, other);
                    Go(at, other, 2 * step.B * step.Repulsion / ((0.001 + d2) * (1 + step.A * Math.Pow(d2, step.B))));
                }
                if (step.BothEnds) Pull(at, neighbors[e]);
                slot++;
            }
            for (int c = 0; c < dimensions; c++) result[c * n + i] = (float)at[c];
        }
        return result;

        double Squared(double[] at, int other) => Enumerable.Range(0, dimensions).Sum(c => Math.Pow(at[c] - anchors[c * Anchors + other], 2));

        void Pull(double[] at, int other)
        {
            double d2 = Squared(at, other);
            if (d2 > 0) Go(at, other, -2.0 * step.A * step.B * Math.Pow(d2, step.B - 1) / (1 + step.A * Math.Pow(d2, step.B)));
        }

        void Go(double[] at, int other, double coefficient)
        {
            for (int c = 0; c < dimensions; c++) at[c] += step.LearningRate * Math.Clamp(coefficient * (at[c] - anchors[c * Anchors + other]), -4, 4);
        }
    }
}
