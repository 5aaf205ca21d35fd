namespace Cellcast.Survival;

/// <summary>
/// The partial likelihood when subjects come under observation late: each is at risk at the death times in (entry, time], an interval. Sums over risk sets and sums over a
/// subject's death times are kept in a segment tree over the death times, O(log) nodes per subject. Only positive terms are added, each relative to the largest
/// linear predictor it stands beside, so nothing is ever subtracted from a risk set and any finite linear predictors are safe. O(n log n).
/// </summary>
internal sealed class LeftTruncatedRiskSets
{
    private readonly int _n;
    private readonly TieMethod _ties;
    private readonly int _leaves;
    private readonly double[] _weight;

    // Nodes of each subject's interval, flattened; a subject in no risk set has none.
    private readonly int[] _nodeStart;
    private readonly int[] _node;

    // Deaths of each group (one per stratum and death time), and the group at which a subject dies, or -1.
    private readonly int[] _deathStart;
    private readonly int[] _death;
    private readonly int[] _groupOfDeath;

    private readonly double[] _eta;
    private readonly double[] _nodeShift;
    private readonly double[] _nodeSum;
    private readonly double[] _nodeHazard;
    private readonly double[] _nodeScratch;
    private readonly double[] _shift;
    private readonly double[] _riskSum;
    private readonly double[] _deathSum;
    private readonly double[] _hazard;
    private readonly double[] _tieHazard;
    private readonly double[] _scratch1;
    private readonly double[] _scratch2;
    private readonly double[] _scratch3;

    internal LeftTruncatedRiskSets(SurvivalData data, TieMethod ties)
    {
        _n = data.Count;
        _ties = ties;
        _weight = new double[_n];
        _groupOfDeath = new int[_n];
        for (int i = 0; i < _n; i++) _weight[i] = data.WeightOf(i);
        Array.Fill(_groupOfDeath, -1);
        int[] deaths = [.. Enumerable.Range(0, _n).Where(i => data.Event[i] && _weight[i] > 0).OrderBy(data.StratumOf).ThenBy(i => data.Time[i]).ThenBy(i => i)];
        var times = new List<double>();
        var start = new List<int>();
        var strata = new Dictionary<int, (int From, int To)>();
        for (int s = 0; s < deaths.Length; s++)
        {
            int stratum = data.StratumOf(deaths[s]);
            bool fresh = !strata.TryGetValue(stratum, out var range);
            if (fresh || data.Time[deaths[s]] != times[^1])
            {
                strata[stratum] = (fresh ? times.Count : range.From, times.Count + 1);
                times.Add(data.Time[deaths[s]]);
                start.Add(s);
            }
            _groupOfDeath[deaths[s]] = times.Count - 1;
        }
        start.Add(deaths.Length);
        (_death, _deathStart, DeathTimes) = (deaths, [.. start], [.. times]);
        int groups = DeathTimes.Length;
        _leaves = 1;
        while (_leaves < groups) _leaves *= 2;

        var node = new List<int>();
        _nodeStart = new int[_n + 1];
        for (int i = 0; i < _n; i++)
        {
            if (_weight[i] > 0 && strata.TryGetValue(data.StratumOf(i), out var range))
            {
                int from = FirstAfter(range.From, range.To, data.EntryOf(i)), to = FirstAfter(range.From, range.To, data.Time[i]);
                for (int l = from + _leaves, r = to + _leaves; l < r; l /= 2, r /= 2)
                {
                    if ((l & 1) == 1) node.Add(l++);
                    if ((r & 1) == 1) node.Add(--r);
                }
            }
            _nodeStart[i + 1] = node.Count;
        }
        _node = [.. node];
        _eta = new double[_n];
        _nodeShift = new double[2 * _leaves];
        _nodeSum = new double[2 * _leaves];
        _nodeHazard = new double[2 * _leaves];
        _nodeScratch = new double[2 * _leaves];
        (_shift, _riskSum, _deathSum, _hazard, _tieHazard) = (new double[groups], new double[groups], new double[groups], new double[groups], new double[groups]);
        (_scratch1, _scratch2, _scratch3) = (new double[groups], new double[groups], new double[groups]);
    }

    /// <summary>Death times, by stratum, ascending within each.</summary>
    internal double[] DeathTimes { get; }

    /// <summary>Room for the linear predictors; fill, then call <see cref="Accumulate"/>.</summary>
    internal Span<double> Eta => _eta;

    /// <summary>Risk sums and hazards of every death time, and the negative log partial likelihood.</summary>
    internal double Accumulate()
    {
        Array.Fill(_nodeShift, double.NegativeInfinity);
        for (int i = 0; i < _n; i++)
            foreach (int v in NodesOf(i)) _nodeShift[v] = Math.Max(_nodeShift[v], _eta[i]);
        Array.Clear(_nodeSum);
        for (int i = 0; i < _n; i++)
            foreach (int v in NodesOf(i)) _nodeSum[v] += _weight[i] * Math.Exp(_eta[i] - _nodeShift[v]);

        double value = 0;
        Array.Clear(_nodeHazard);
        for (int g = 0; g < _hazard.Length; g++)
        {
            double top = double.NegativeInfinity, sum = 0, tied = 0, weight = 0;
            for (int v = g + _leaves; v > 0; v /= 2) top = Math.Max(top, _nodeShift[v]);
            for (int v = g + _leaves; v > 0; v /= 2) sum += FromNode(v, top, _nodeSum[v]);
            foreach (int i in DeathsAt(g))
            {
                tied += _weight[i] * Math.Exp(_eta[i] - top);
                weight += _weight[i];
                value += _weight[i] * (top - _eta[i]);
            }
            (_shift[g], _riskSum[g], _deathSum[g]) = (top, sum, tied);
            double hazard = 0, tieHazard = 0;
            var steps = Steps(g, weight);
            for (int k = 0; k < steps.Count; k++)
            {
                double f = (double)k / steps.Count, z = sum - f * tied;
                value += steps.Weight * Math.Log(z);
                hazard += steps.Weight / z;
                tieHazard += steps.Weight * f / z;
            }
            (_hazard[g], _tieHazard[g]) = (hazard, tieHazard);
        }
        Spread(_hazard, _nodeHazard);
        return value;
    }

    /// <summary>Derivative of the value by each linear predictor.</summary>
    internal double GradientOf(int i)
    {
        double sum = Collected(i, _nodeHazard);
        int g = _groupOfDeath[i];
        return g < 0 ? sum : sum - _weight[i] * Math.Exp(_eta[i] - _shift[g]) * _tieHazard[g] - _weight[i];
    }

    internal void HessianVectorProduct(ReadOnlySpan<double> vector, Span<double> product)
    {
        Array.Clear(_nodeScratch);
        for (int i = 0; i < _n; i++)
            foreach (int v in NodesOf(i)) _nodeScratch[v] += _weight[i] * Math.Exp(_eta[i] - _nodeShift[v]) * vector[i];
        for (int g = 0; g < _hazard.Length; g++)
        {
            double sum = 0, tied = 0, weight = 0, a = 0, b = 0;
            for (int v = g + _leaves; v > 0; v /= 2) sum += FromNode(v, _shift[g], _nodeScratch[v]);
            foreach (int i in DeathsAt(g))
            {
                tied += _weight[i] * Math.Exp(_eta[i] - _shift[g]) * vector[i];
                weight += _weight[i];
            }
            var steps = Steps(g, weight);
            for (int k = 0; k < steps.Count; k++)
            {
                double f = (double)k / steps.Count, z = _riskSum[g] - f * _deathSum[g], q = (sum - f * tied) / z;
                a += steps.Weight * q / z;
                b += steps.Weight * f * q / z;
            }
            (_scratch1[g], _scratch2[g]) = (a, b);
        }
        Array.Clear(_nodeScratch);
        Spread(_scratch1, _nodeScratch);
        for (int i = 0; i < _n; i++)
        {
            double h = Collected(i, _nodeHazard), m = Collected(i, _nodeScratch);
            int g = _groupOfDeath[i];
            if (g >= 0)
            {
                double r = _weight[i] * Math.Exp(_eta[i] - _shift[g]);
                h -= r * _tieHazard[g];
                m -= r * _scratch2[g];
            }
            product[i] = vector[i] * h - m;
        }
    }

    internal void HessianDiagonal(Span<double> diagonal)
    {
        for (int g = 0; g < _hazard.Length; g++)
        {
            double q = 0, own = 0, weight = 0;
            foreach (int i in DeathsAt(g)) weight += _weight[i];
            var steps = Steps(g, weight);
            for (int k = 0; k < steps.Count; k++)
            {
                double f = (double)k / steps.Count, z = _riskSum[g] - f * _deathSum[g], u = steps.Weight / (z * z);
                q += u;
                own += u * (1 - f) * (1 - f);
            }
            (_scratch1[g], _scratch2[g]) = (q, own);
        }
        Array.Clear(_nodeScratch);
        for (int g = 0; g < _hazard.Length; g++)
            for (int v = g + _leaves; v > 0; v /= 2)
                if (!double.IsNegativeInfinity(_nodeShift[v])) _nodeScratch[v] += _scratch1[g] * Math.Exp(2 * (_nodeShift[v] - _shift[g]));
        for (int i = 0; i < _n; i++)
        {
            double h = Collected(i, _nodeHazard), squared = 0;
            foreach (int v in NodesOf(i))
            {
                double r = _weight[i] * Math.Exp(_eta[i] - _nodeShift[v]);
                squared += r * r * _nodeScratch[v];
            }
            int g = _groupOfDeath[i];
            if (g >= 0)
            {
                double r = _weight[i] * Math.Exp(_eta[i] - _shift[g]);
                h -= r * _tieHazard[g];
                squared += r * r * (_scratch2[g] - _scratch1[g]);
            }
            diagonal[i] = Math.Max(0, h - squared);
        }
    }

    /// <summary>As <see cref="PartialLikelihood.ScoreAndInformation(ReadOnlySpan{double}, int, ReadOnlySpan{double}, Span{double}, Span{double})"/>.</summary>
    internal void ScoreAndInformation(ReadOnlySpan<double> x, int p, ReadOnlySpan<double> factor, Span<double> score, Span<double> information)
    {
        score.Clear();
        information.Clear();
        for (int g = 0; g < _hazard.Length; g++) _scratch3[g] = (factor.IsEmpty ? 1 : factor[g]) * _hazard[g];
        Array.Clear(_nodeScratch);
        Spread(_scratch3, _nodeScratch);
        var sums = new double[2 * _leaves * p];
        for (int i = 0; i < _n; i++)
        {
            ReadOnlySpan<double> row = x.Slice(i * p, p);
            double h = Collected(i, _nodeScratch), u = 0;
            int g = _groupOfDeath[i];
            if (g >= 0)
            {
                double c = factor.IsEmpty ? 1 : factor[g];
                h -= _weight[i] * Math.Exp(_eta[i] - _shift[g]) * c * _tieHazard[g];
                u = c * _weight[i];
            }
            for (int j = 0; j < p; j++) score[j] += (u - h) * row[j];
            SymmetricSystem.AddOuter(information, row, h);
            foreach (int v in NodesOf(i))
            {
                double r = _weight[i] * Math.Exp(_eta[i] - _nodeShift[v]);
                Span<double> to = sums.AsSpan(v * p, p);
                for (int j = 0; j < p; j++) to[j] += r * row[j];
            }
        }
        double[] sum = new double[p], tied = new double[p], mean = new double[p];
        for (int g = 0; g < _hazard.Length; g++)
        {
            Array.Clear(sum);
            Array.Clear(tied);
            for (int v = g + _leaves; v > 0; v /= 2)
            {
                if (double.IsNegativeInfinity(_nodeShift[v])) continue;
                double scale = Math.Exp(_nodeShift[v] - _shift[g]);
                for (int j = 0; j < p; j++) sum[j] += scale * sums[v * p + j];
            }
            double weight = 0;
            foreach (int i in DeathsAt(g))
            {
                double r = _weight[i] * Math.Exp(_eta[i] - _shift[g]);
                weight += _weight[i];
                for (int j = 0; j < p; j++) tied[j] += r * x[i * p + j];
            }
            var steps = Steps(g, weight);
            double c = factor.IsEmpty ? 1 : factor[g];
            for (int k = 0; k < steps.Count; k++)
            {
                double f = (double)k / steps.Count, z = _riskSum[g] - f * _deathSum[g];
                for (int j = 0; j < p; j++) mean[j] = (sum[j] - f * tied[j]) / z;
                SymmetricSystem.AddOuter(information, mean, -c * steps.Weight);
            }
        }
        SymmetricSystem.Mirror(information, p);
    }

    /// <summary>Logarithm of the baseline hazard at each death time, relative to linear predictors of 0.</summary>
    internal double LogHazardAt(int g) => Math.Log(_hazard[g]) - _shift[g];

    private int FirstAfter(int from, int to, double time)
    {
        while (from < to)
        {
            int middle = (from + to) / 2;
            if (DeathTimes[middle] > time) to = middle;
            else from = middle + 1;
        }
        return from;
    }

    private ReadOnlySpan<int> NodesOf(int i) => _node.AsSpan(_nodeStart[i], _nodeStart[i + 1] - _nodeStart[i]);

    private ReadOnlySpan<int> DeathsAt(int g) => _death.AsSpan(_deathStart[g], _deathStart[g + 1] - _deathStart[g]);

    private (int Count, double Weight) Steps(int g, double weight)
    {
        int d = _deathStart[g + 1] - _deathStart[g];
        return _ties == TieMethod.Breslow ? (1, weight) : (d, weight / d);
    }

    private double FromNode(int v, double shift, double sum) => double.IsNegativeInfinity(_nodeShift[v]) ? 0 : sum * Math.Exp(_nodeShift[v] - shift);

    /// <summary>Adds every death time's hazard to the nodes above it, on each node's own scale; factors never exceed 1.</summary>
    private void Spread(double[] hazard, double[] to)
    {
        for (int g = 0; g < hazard.Length; g++)
            for (int v = g + _leaves; v > 0; v /= 2)
                if (!double.IsNegativeInfinity(_nodeShift[v])) to[v] += hazard[g] * Math.Exp(_nodeShift[v] - _shift[g]);
    }

    private double Collected(int i, double[] nodes)
    {
        double sum = 0;
        foreach (int v in NodesOf(i)) sum += _weight[i] * Math.Exp(_eta[i] - _nodeShift[v]) * nodes[v];
        return sum;
    }
}
