using Cellcast.Tensors.Nn;

namespace Cellcast.Tensors;

public sealed partial class CpuDevice
{
    private const double Tiny = 1e-10;

    /// <inheritdoc/>
    public override double KlStandardNormal(Tensor mu, Tensor sigma)
    {
        double sum = 0;
        Span<float> m = mu.Span, s = sigma.Span;
        for (int i = 0; i < m.Length; i++)
        {
            double ratio = (double)s[i] * s[i];
            sum += 0.5 * (ratio + (double)m[i] * m[i] - 1 - Math.Log(ratio));
        }
        return sum;
    }

    /// <inheritdoc/>
    public override void KlStandardNormalGradient(Tensor mu, Tensor sigma, float upstream, Tensor? dmu, Tensor? dsigma)
    {
        Span<float> m = mu.Span, s = sigma.Span;
        for (int i = 0; i < m.Length; i++)
        {
            if (dmu is not null) dmu.Span[i] += upstream * m[i];
            if (dsigma is not null) dsigma.Span[i] += upstream * (s[i] - 1 / s[i]);
        }
    }

    /// <inheritdoc/>
    public override double PoissonDecoder(Tensor h, Tensor weight, Tensor bias, ReadOnlySpan<float> sizeFactors, in SparseRows counts, Tensor? dh, Tensor? dweight, Tensor? dbias) =>
        Decoder(h, weight, bias, null, sizeFactors, counts, dh, dweight, dbias, null);

    /// <inheritdoc/>
    public override double NegativeBinomialDecoder(Tensor h, Tensor weight, Tensor bias, Tensor theta, ReadOnlySpan<float> sizeFactors, in SparseRows counts,
        Tensor? dh, Tensor? dweight, Tensor? dbias, Tensor? dtheta) => Decoder(h, weight, bias, theta, sizeFactors, counts, dh, dweight, dbias, dtheta);

    /// <inheritdoc/>
    public override double NegativeBinomial(Tensor mu, Tensor theta, Tensor counts, Tensor? dmu, Tensor? dtheta)
    {
        int n = mu.Columns;
        double loss = 0;
        var thetaSums = new double[n];
        for (int i = 0; i < mu.Length; i++)
        {
            int c = i % n;
            var (value, slopeMu, slopeTheta) = NegativeBinomialTerm(mu.Span[i] + Tiny, theta.Span[c] + Tiny, counts.Span[i]);
            loss += value;
            if (dmu is not null) dmu.Span[i] = (float)slopeMu;
            thetaSums[c] += slopeTheta;
        }
        for (int c = 0; dtheta is not null && c < n; c++) dtheta.Span[c] = (float)thetaSums[c];
        return loss;
    }

    /// <inheritdoc/>
    public override void AdamStep(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, in AdamStepSettings settings)
    {
        Span<float> p = parameter.Span, g = gradient.Span, m = firstMoment.Span, v = secondMoment.Span;
        for (int i = 0; i < p.Length; i++)
        {
            float value = p[i] * settings.Decay, slope = g[i] * settings.GradientScale + settings.L2 * p[i];
            m[i] = settings.Beta1 * m[i] + settings.OneMinusBeta1 * slope;
            v[i] = settings.Beta2 * v[i] + settings.OneMinusBeta2 * slope * slope;
            p[i] = value - settings.StepSize * m[i] / (MathF.Sqrt(v[i]) * settings.InverseSqrtCorrection2 + settings.Epsilon);
        }
    }

    private static double Decoder(Tensor h, Tensor weight, Tensor bias, Tensor? theta, ReadOnlySpan<float> sizeFactors, in SparseRows counts,
        Tensor? dh, Tensor? dweight, Tensor? dbias, Tensor? dtheta)
    {
        int genes = weight.Rows, hidden = weight.Columns;
        dh?.Span.Clear();
        dweight?.Span.Clear();
        dbias?.Span.Clear();
        dtheta?.Span.Clear();
        var x = new float[genes];
        double loss = 0;
        for (int r = 0; r < h.Rows; r++)
        {
            Array.Clear(x);
            var indices = counts.IndicesOf(r);
            var values = counts.ValuesOf(r);
            for (int p = 0; p < indices.Length; p++) x[indices[p]] = values[p];
            var state = h.Span.Slice(r * hidden, hidden);
            for (int g = 0; g < genes; g++)
            {
                var w = weight.Span.Slice(g * hidden, hidden);
                double logit = bias.Span[g];
                for (int j = 0; j < hidden; j++) logit += (double)state[j] * w[j];
                double mean = sizeFactors[r] * ReferenceMath.Softplus(logit) + Tiny, slope;
                if (theta is null)
                {
                    loss += mean - x[g] * Math.Log(mean) + ReferenceMath.LogGamma(x[g] + 1);
                    slope = 1 - x[g] / mean;
                }
                else
                {
                    (double value, slope, double slopeTheta) = NegativeBinomialTerm(mean, theta.Span[g] + Tiny, x[g]);
                    loss += value;
                    if (dtheta is not null) dtheta.Span[g] += (float)slopeTheta;
                }
                float d = (float)(slope * sizeFactors[r] * ReferenceMath.Sigmoid(logit));
                if (dbias is not null) dbias.Span[g] += d;
                for (int j = 0; dh is not null && j < hidden; j++) dh.Span[r * hidden + j] += d * w[j];
                for (int j = 0; dweight is not null && j < hidden; j++) dweight.Span[g * hidden + j] += d * state[j];
            }
        }
        return loss;
    }

    private static (double Value, double SlopeMu, double SlopeTheta) NegativeBinomialTerm(double mu, double theta, double x)
    {
        double total = Math.Log(theta + mu), logTheta = Math.Log(theta);
        double value = -theta * (logTheta - total) - x * (Math.Log(mu) - total)
            - ReferenceMath.LogGamma(theta + x) + ReferenceMath.LogGamma(theta) + ReferenceMath.LogGamma(x + 1);
        double share = (theta + x) / (theta + mu);
        return (value, share - x / mu, share - 1 - logTheta + total - ReferenceMath.Digamma(theta + x) + ReferenceMath.Digamma(theta));
    }
}
