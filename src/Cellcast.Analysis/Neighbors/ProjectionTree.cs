using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Neighbors;

/// <summary>Cuts points into small sets by planes half way between two random points (Dasgupta and Freund 2008): points of one set are mostly near each other.</summary>
internal static class ProjectionTree
{
    private const int MostLevels = 200;

    /// <summary>Sets of at most <paramref name="leafSize"/> points, all points once.</summary>
    public static List<int[]> Leaves(float[] points, int dimensions, int leafSize, RandomKey key)
    {
        int n = points.Length / dimensions;
        var random = new RandomStream(key);
        int[] order = [.. Enumerable.Range(0, n)];
        var leaves = new List<int[]>();
        var open = new Stack<(int Begin, int End, int Level)>();
        open.Push((0, n, 0));
        while (open.TryPop(out var set))
        {
            var (begin, end, level) = set;
            if (end - begin <= leafSize || level >= MostLevels)
            {
                for (int from = begin; from < end; from += leafSize) leaves.Add(order[from..Math.Min(end, from + leafSize)]);
                continue;
            }
            int middle = Split(points, dimensions, order, begin, end, random);
            open.Push((middle, end, level + 1));
            open.Push((begin, middle, level + 1));
        }
        return leaves;
    }

    /// <summary>Puts the points of one side first; gives the first of the other.</summary>
    private static int Split(float[] points, int d, int[] order, int begin, int end, RandomStream random)
    {
        int a = order[begin + random.NextInt32(end - begin)], b = order[begin + random.NextInt32(end - begin)];
        ReadOnlySpan<float> x = points.AsSpan(a * d, d), y = points.AsSpan(b * d, d);
        var normal = new float[d];
        float offset = 0;
        for (int j = 0; j < d; j++)
        {
            normal[j] = x[j] - y[j];
            offset += normal[j] * (x[j] + y[j]) / 2;
        }
        int front = begin, back = end;
        while (front < back)
        {
            if (Product(normal, points.AsSpan(order[front] * d, d)) > offset) front++;
            else
            {
                back--;
                (order[front], order[back]) = (order[back], order[front]);
            }
        }
        // All on one side: the same point twice, or points on top of each other. Any halves will do.
        return front == begin || front == end ? (begin + end) / 2 : front;
    }

    private static float Product(float[] a, ReadOnlySpan<float> b)
    {
        float sum = 0;
        for (int j = 0; j < a.Length; j++) sum += a[j] * b[j];
        return sum;
    }
}
