using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

public sealed partial class CpuDevice
{
    /// <inheritdoc/>
    public override double KlStandardNormal(Tensor mu, Tensor sigma)
    {
        Span<float> m = mu.Span, s = sigma.Span;
        double sum = 0;
        var logs = new LogSum();
        for (int i = 0; i < m.Length; i++)
        {
            double ratio = (double)s[i] * s[i];
            sum += ratio + (double)m[i] * m[i] - 1;
            logs.Add(ratio);
        }
        return 0.5 * (sum - logs.Total);
    }

    /// <inheritdoc/>
    public override void KlStandardNormalGradient(Tensor mu, Tensor sigma, float upstream, Tensor? dmu, Tensor? dsigma)
    {
        Span<float> m = mu.Span, s = sigma.Span, dm = SpanOf(dmu), ds = SpanOf(dsigma);
        for (int i = 0; i < dm.Length; i++) dm[i] += upstream * m[i];
        for (int i = 0; i < ds.Length; i++) ds[i] += upstream * (s[i] - 1 / s[i]);
    }

    /// <inheritdoc/>
    public override double PoissonDecoder(Tensor h, Tensor weight, Tensor bias, ReadOnlySpan<float> sizeFactors, in SparseRows counts, double logFactorials,
        Tensor? dh, Tensor? dweight, Tensor? dbias) =>
        CountDecoderLoss.Poisson(Workers, h.Span, h.Columns, weight.Span, bias.Span, counts.Matrix, counts.RowNumbers, sizeFactors, logFactorials,
            new DecoderGradients { Hidden = SpanOf(dh), Weight = SpanOf(dweight), Bias = SpanOf(dbias) }, counts.Starts);

    /// <inheritdoc/>
    public override double NegativeBinomialDecoder(Tensor h, Tensor weight, Tensor bias, Tensor theta, ReadOnlySpan<float> sizeFactors, in SparseRows counts,
        double logFactorials, Tensor? dh, Tensor? dweight, Tensor? dbias, Tensor? dtheta) =>
        CountDecoderLoss.NegativeBinomial(Workers, h.Span, h.Columns, weight.Span, bias.Span, counts.Matrix, counts.RowNumbers, sizeFactors, theta.Span, logFactorials,
            new DecoderGradients { Hidden = SpanOf(dh), Weight = SpanOf(dweight), Bias = SpanOf(dbias), Dispersion = SpanOf(dtheta) }, counts.Starts);

    /// <inheritdoc/>
    public override double NegativeBinomial(Tensor mu, Tensor theta, Tensor counts, double constant, Tensor? dmu, Tensor? dtheta) =>
        NegativeBinomialLoss.Evaluate(Workers, mu.Span, theta.Span, counts.Span, mu.Rows, mu.Columns, constant, SpanOf(dmu), SpanOf(dtheta));

    /// <inheritdoc/>
    public override double MixtureDecoder(Tensor shares, Tensor hidden, Tensor weight, Tensor bias, Tensor scale, Tensor shift, Tensor theta, Tensor size, Tensor counts, double constant,
        Tensor? dshares, Tensor? dgenes) =>
        MixtureDecoderLoss.Evaluate(Workers, new DecodedMixtures
        {
            Shares = shares.Span,
            Hidden = hidden.Span,
            Weight = weight.Span,
            Bias = bias.Span,
            Scale = scale.Span,
            Shift = shift.Span,
            Dispersion = theta.Span,
            Size = size.Span,
            Counts = counts.Span,
        }, constant, SpanOf(dshares), SpanOf(dgenes));

    /// <inheritdoc/>
    public override void AdamStep(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, in AdamSettings settings, bool decoupled)
    {
        if (decoupled) OptimizerSteps.AdamW(Workers, parameter.Span, gradient.Span, firstMoment.Span, secondMoment.Span, settings);
        else OptimizerSteps.Adam(Workers, parameter.Span, gradient.Span, firstMoment.Span, secondMoment.Span, settings);
    }
}
