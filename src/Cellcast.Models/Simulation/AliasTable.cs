using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>Draws an index in proportion to weights in constant time (Walker 1977, in the form of Vose 1991).</summary>
internal sealed class AliasTable
{
    private readonly uint[] _threshold;
    private readonly int[] _alias;

    internal AliasTable(ReadOnlySpan<double> weights)
    {
        int n = weights.Length;
        double sum = 0;
        foreach (double w in weights) sum += w;
        Total = sum;
        _threshold = new uint[n];
        _alias = new int[n];
        var scaled = new double[n];
        Stack<int> small = [], large = [];
        for (int i = 0; i < n; i++)
        {
            scaled[i] = weights[i] * n / sum;
            (scaled[i] < 1 ? small : large).Push(i);
        }
        while (small.Count > 0 && large.Count > 0)
        {
            int s = small.Pop(), l = large.Pop();
            _threshold[s] = (uint)Math.Min(scaled[s] * 4294967296.0, uint.MaxValue);
            _alias[s] = l;
            scaled[l] -= 1 - scaled[s];
            (scaled[l] < 1 ? small : large).Push(l);
        }
        // What is left is 1 up to rounding.
        foreach (int i in small.Concat(large))
        {
            _threshold[i] = uint.MaxValue;
            _alias[i] = i;
        }
    }

    /// <summary>Sum of the weights.</summary>
    internal double Total { get; }

    internal int Draw(RandomStream random)
    {
        int i = random.NextInt32(_threshold.Length);
        return random.NextBits() < _threshold[i] ? i : _alias[i];
    }
}
