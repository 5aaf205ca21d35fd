namespace Cellcast.Analysis.Spatial;

/// <summary>Spots sorted into boxes within boxes, split at the median of the longest side, so that few are compared to find those near a spot, however unevenly they lie. Answers are exact.</summary>
/// <remarks>Source: Friedman, Bentley and Finkel (1977), ACM Trans. Math. Softw. 3, 209.</remarks>
internal sealed class SpotTree
{
    private const int Leaf = 12;

    private readonly float[] _x;
    private readonly int _d;
    private readonly int[] _order;
    private readonly float[] _least, _most;

    /// <param name="coordinates">Finite, spots x dimensions.</param>
    /// <param name="dimensions">Number of dimensions.</param>
    internal SpotTree(float[] coordinates, int dimensions)
    {
        (_x, _d) = (coordinates, dimensions);
        int n = coordinates.Length / dimensions, nodes = 2;
        for (int largest = n; largest > Leaf; largest = (largest + 1) / 2) nodes *= 2;
        _order = [.. Enumerable.Range(0, n)];
        (_least, _most) = (new float[nodes * dimensions], new float[nodes * dimensions]);
        Split(1, 0, n, new float[n]);
    }

    /// <summary>Squared distance of the k-th nearest other spot.</summary>
    /// <param name="spot">Index of the spot.</param>
    /// <param name="k">From 1 to one less than there are spots.</param>
    internal double SquaredDistanceOfNearest(int spot, int k)
    {
        double[] nearest = new double[k];
        Array.Fill(nearest, double.PositiveInfinity);
        Nearest(1, 0, _order.Length, spot, nearest);
        return nearest[^1];
    }

    /// <summary>Other spots at most that far away, ascending.</summary>
    /// <param name="spot">Index of the spot.</param>
    /// <param name="squared">Squared distance.</param>
    internal int[] Within(int spot, double squared)
    {
        var found = new List<int>();
        Within(1, 0, _order.Length, spot, squared, found);
        found.Sort();
        return [.. found];
    }

    private void Split(int node, int from, int to, float[] keys)
    {
        Span<float> least = _least.AsSpan(node * _d, _d), most = _most.AsSpan(node * _d, _d);
        least.Fill(float.PositiveInfinity);
        most.Fill(float.NegativeInfinity);
        for (int i = from; i < to; i++)
            for (int k = 0; k < _d; k++)
            {
                float v = _x[_order[i] * _d + k];
                least[k] = Math.Min(least[k], v);
                most[k] = Math.Max(most[k], v);
            }
        if (to - from <= Leaf) return;
        int side = 0;
        for (int k = 1; k < _d; k++)
            if ((double)most[k] - least[k] > (double)most[side] - least[side]) side = k;
        for (int i = from; i < to; i++) keys[i] = _x[_order[i] * _d + side];
        Array.Sort(keys, _order, from, to - from);
        int middle = Middle(from, to);
        Split(2 * node, from, middle, keys);
        Split(2 * node + 1, middle, to, keys);
    }

    private void Nearest(int node, int from, int to, int spot, double[] nearest)
    {
        if (to - from > Leaf)
        {
            int middle = Middle(from, to);
            bool right = ToBox(2 * node + 1, spot) < ToBox(2 * node, spot);
            if (right) Nearest(2 * node + 1, middle, to, spot, nearest);
            if (ToBox(2 * node, spot) < nearest[^1]) Nearest(2 * node, from, middle, spot, nearest);
            if (!right && ToBox(2 * node + 1, spot) < nearest[^1]) Nearest(2 * node + 1, middle, to, spot, nearest);
            return;
        }
        for (int i = from; i < to; i++)
        {
            if (_order[i] == spot) continue;
            double distance = ToSpot(_order[i], spot);
            if (!(distance < nearest[^1])) continue;
            int at = nearest.Length - 1;
            for (; at > 0 && nearest[at - 1] > distance; at--) nearest[at] = nearest[at - 1];
            nearest[at] = distance;
        }
    }

    private void Within(int node, int from, int to, int spot, double squared, List<int> found)
    {
        if (ToBox(node, spot) > squared) return;
        if (to - from > Leaf)
        {
            int middle = Middle(from, to);
            Within(2 * node, from, middle, spot, squared, found);
            Within(2 * node + 1, middle, to, spot, squared, found);
            return;
        }
        for (int i = from; i < to; i++)
            if (_order[i] != spot && ToSpot(_order[i], spot) <= squared) found.Add(_order[i]);
    }

    private static int Middle(int from, int to) => from + (to - from) / 2;

    private double ToSpot(int other, int spot)
    {
        double sum = 0;
        for (int k = 0; k < _d; k++)
        {
            double v = (double)_x[spot * _d + k] - _x[other * _d + k];
            sum += v * v;
        }
        return sum;
    }

    /// <summary>Squared distance of the nearest point of a box: added up as distances of spots are, so that also after rounding none in it is nearer.</summary>
    private double ToBox(int node, int spot)
    {
        double sum = 0;
        for (int k = 0; k < _d; k++)
        {
            double v = _x[spot * _d + k], gap = Math.Max(0, Math.Max(_least[node * _d + k] - v, v - _most[node * _d + k]));
            sum += gap * gap;
        }
        return sum;
    }
}
